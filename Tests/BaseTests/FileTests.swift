import Base
import Foundation
import TestSupport
import Testing

@Suite("Files")
struct FileTests {
    @Test("A file's identity follows the file through renaming, and a path's changes with its file")
    func identity() throws {
        try withTemporaryDirectory { directory in
            let (one, other) = (directory + "/one", directory + "/other")
            let descriptor = open(one, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            defer { close(descriptor) }
            #expect(FileIdentity.isOpen(descriptor, at: one))
            #expect(rename(one, other) == 0)
            #expect(!FileIdentity.isOpen(descriptor, at: one) && FileIdentity.isOpen(descriptor, at: other))
            try Data().write(to: URL(fileURLWithPath: one))
            #expect(!FileIdentity.isOpen(descriptor, at: one))
            #expect(FileIdentity(path: one) != nil && FileIdentity(path: one) != FileIdentity(path: other))
            #expect(FileIdentity(path: directory + "/none") == nil && FileIdentity(descriptor: -1) == nil)
        }
    }

    @Test("All bytes are written at the descriptor's position or at an offset, and a full disk is an error")
    func writing() throws {
        try withTemporaryDirectory { directory in
            let descriptor = open(directory + "/file", O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
            defer { close(descriptor) }
            let bytes = (0..<100_000).map { UInt8(truncatingIfNeeded: $0) }
            try writeAll(bytes.span.bytes, to: descriptor)
            try writeAll(bytes.span.bytes, to: descriptor, at: 99_990)
            try writeAll(UnsafeRawBufferPointer(start: nil, count: 0), to: descriptor)
            #expect(try FileBytes(path: directory + "/file").bytes == bytes.prefix(99_990) + bytes)
            let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
            defer { close(full) }
            let error = #expect(throws: SystemError.self) { try writeAll(bytes.span.bytes, to: full) }
            #expect(error?.number == ENOSPC && error?.isDiskFull == true)
        }
    }

    @Test("What cannot be read as a file is refused with its code")
    func refusals() throws {
        func code(_ path: String, maximumSize: Int64 = FileBytes.maximumSize) -> FileError.Code? {
            do throws(FileError) {
                _ = try FileBytes(path: path, maximumSize: maximumSize)
                return nil
            } catch {
                return error.code
            }
        }
        try withTemporaryDirectory { directory in
            let path = directory + "/file"
            try Data([1, 2, 3]).write(to: URL(fileURLWithPath: path))
            #expect(code(path) == nil && code(path, maximumSize: 2) == .tooLarge)
            #expect(code(directory) == .isDirectory && code("/dev/null") == .unreadable)
            #expect(code(directory + "/none") == .missing && code(path + "/none") == .missing)
        }
    }
}
