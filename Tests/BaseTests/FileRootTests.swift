import Base
import Foundation
import TestSupport
import Testing

@Suite("Files below one folder")
struct FileRootTests {
    /// A folder `in` with files and links, and a file beside it.
    private func withFolder(_ body: (_ folder: String, _ root: FileRoot) throws -> Void) throws {
        try withTemporaryDirectory { directory in
            let folder = FileSystem.resolved(directory)
            try FileSystem.makeFolder(folder + "/in/deep")
            try NewFile.write([1], to: folder + "/in/a")
            try NewFile.write([2], to: folder + "/in/deep/b")
            try NewFile.write([3], to: folder + "/out")
            for (link, target) in [
                ("in/inside", folder + "/in/a"), ("in/relative", "deep/../a"), ("in/folder", "deep"),
                ("in/back", "../in/a"), ("in/there", folder + "/out"), ("in/none", folder + "/missing"),
                ("in/up", ".."), ("in/loop", "loop"), ("alias", folder + "/in"),
            ] {
                #expect(symlink(target, folder + "/" + link) == 0)
            }
            try body(folder, FileRoot(folder + "/in"))
        }
    }

    private func outcome(_ path: String, _ root: FileRoot) -> Result<[UInt8], FileError> {
        Result { () throws(FileError) in try FileBytes(path: path, in: root).bytes }
    }

    @Test("Links that stay inside are followed; what leads outside is refused in one way, whether it is there or not")
    func links() throws {
        try withFolder { folder, root in
            func code(_ name: String) -> FileError.Code? {
                if case .failure(let error) = outcome(folder + "/" + name, root) { return error.code }
                return nil
            }
            for name in ["in/a", "in/inside", "in/relative", "in/folder/b", "in/deep/../a", "in/back", "alias/a"] {
                #expect(code(name) == nil, "\(name)")
            }
            for name in [
                "in/there", "in/none", "in/up/out", "in/up/missing", "out", "missing", "in/../out", "in", "in/loop",
                "inn",
                "in/../missing/../in/a", "out/../in/a",
            ] {
                #expect(code(name) == .notPermitted, "\(name)")
                #expect(FileIdentity(path: folder + "/" + name, in: root) == nil)
                #expect(FileSystem.firstBytes(1, of: folder + "/" + name, in: root) == nil)
            }
            #expect(code("in/missing") == .missing && code("in/deep") == .isDirectory)
            #expect(FileIdentity(path: folder + "/in/inside", in: root) == FileIdentity(path: folder + "/in/a"))
            // The name by which a person knows the folder, and one that only looks the same.
            let named = FileRoot(folder + "/alias/")
            #expect(try outcome(folder + "/alias/deep/b", named).get() == [2])
            try FileSystem.makeFolder(folder + "/e\u{301}")
            try NewFile.write([4], to: folder + "/e\u{301}/a")
            try FileSystem.makeFolder(folder + "/é")
            let composed = FileRoot(folder + "/é")
            #expect(throws: FileError.self) { try outcome(folder + "/e\u{301}/a", composed).get() }
        }
    }

    @Test(
        "A link that is put in the place of a file after its path was looked at leads nowhere",
        arguments: [true, false])
    func swapped(asksKernel: Bool) throws {
        try withFolder { folder, root in
            func open(_ name: String) -> (descriptor: Int32, error: Int32) {
                let descriptor =
                    asksKernel
                    ? root.open(below: name, O_RDONLY) : root.open(below: name, O_RDONLY) { _, _, _ in -ENOSYS }
                return (descriptor, errno)
            }
            for name in ["there", "up/out"] {
                let (descriptor, error) = open(name)
                #expect(descriptor < 0 && error == EXDEV, "\(name): \(descriptor) \(error)")
            }
            let (descriptor, _) = open("folder/b")
            var byte: UInt8 = 0
            #expect(descriptor >= 0 && read(descriptor, &byte, 1) == 1 && byte == 2)
            close(descriptor)
            #expect(open("missing").error == ENOENT)
        }
    }

    @Test("While links come and go, nothing outside is ever read")
    func race() throws {
        try withFolder { folder, root in
            let isDone = Locked(false)
            let swapping = DispatchGroup()
            swapping.enter()
            Thread.detachNewThread {
                var number = 0
                while !isDone.withLock({ $0 }) {
                    number += 1
                    let next = folder + "/next"
                    if number % 2 == 0 { symlink(folder + "/out", next) } else { try? NewFile.write([1], to: next) }
                    _ = FileSystem.rename(next, to: folder + "/in/a")
                }
                swapping.leave()
            }
            var read = 0
            for _ in 0..<20_000 {
                guard let bytes = try? outcome(folder + "/in/a", root).get() else { continue }
                read += 1
                guard bytes == [1] else {
                    Issue.record("\(bytes) were read")
                    break
                }
            }
            isDone.withLock { $0 = true }
            swapping.wait()
            #expect(read > 0)
        }
    }
}
