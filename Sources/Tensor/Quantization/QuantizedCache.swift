import Base
import Foundation

/// Where the file of quantized weights is kept, and which process makes it.
///
/// The file is made under a temporary name, which its maker holds locked, and is renamed when it is whole. Processes
/// that come meanwhile wait for the lock and then find the file. A maker that dies leaves the unfinished file, which the
/// next maker overwrites.
struct QuantizedCache {
    let layout: QuantizedLayout
    let modelDirectory: String

    /// Writes the file to an open descriptor; `path` is the name that the file will have.
    typealias Maker = (_ descriptor: Int32, _ path: String) throws(ModelError) -> Void

    private var name: String { "paligemma-int8-\(layout.key.prefix(16)).bin" }

    /// Paths that the file may have, the preferred one first.
    private var places: [String] {
        ["\(modelDirectory)/.\(name)"] + (UserCacheDirectory.path.map { ["\($0)/\(name)"] } ?? [])
    }

    /// Returns the path of the whole file, after making it where there is none.
    ///
    /// - Throws: ``ModelError`` with the code `quantized` where it cannot be made at any place.
    func find(make: Maker) throws(ModelError) -> String {
        if let path = places.first(where: isThere) { return path }
        var problems: [ModelError] = []
        for path in places {
            do {
                try makeOnce(path, make)
                return path
            } catch {
                problems.append(error)
            }
        }
        throw ModelError(
            .quantized, at: problems.first?.path ?? modelDirectory,
            (problems.first?.reason ?? "there is no place for the quantized weights")
                + problems.dropFirst().map { "; \($0)" }.joined()
                + "; set XDG_CACHE_HOME to a directory with room for them")
    }

    /// Whether a file belongs to the layout and has its length.
    static func isWhole(_ file: MappedFile, _ layout: QuantizedLayout) -> Bool {
        file.count == layout.byteCount && file.bytes.prefix(QuantizedLayout.headerBytes).elementsEqual(layout.header)
    }

    private func isThere(_ path: String) -> Bool {
        guard let file = try? MappedFile(path: path) else { return false }
        return Self.isWhole(file, layout)
    }

    private func makeOnce(_ path: String, _ make: Maker) throws(ModelError) {
        let unfinished = path + ".part"
        if path != places.first { createDirectory(path.parentPath) }
        while true {
            let descriptor = openOwn(unfinished)
            guard descriptor >= 0 else { throw failure(at: path) }
            defer { close(descriptor) }
            while LoadingProgress.whileWaiting({ flock(descriptor, LOCK_EX) }) != 0 {
                if errno != EINTR { throw failure(at: path) }
            }
            // Whoever held the lock before may have renamed or removed the file that this descriptor is.
            guard FileIdentity.isOpen(descriptor, at: unfinished) else {
                if isThere(path) { return }
                continue
            }
            if isThere(path) {
                FileSystem.remove(unfinished)
                return
            }
            do {
                try make(descriptor, path)
            } catch {
                FileSystem.remove(unfinished)
                throw error
            }
            guard FileSystem.rename(unfinished, to: path) else { throw failure(at: path) }
            FileSystem.synchronizeFolder(of: path)
            removeOutdated(path)
            return
        }
    }

    /// Opens the unfinished file, whose name others can know: neither a symbolic link nor another name of some file may make
    /// this process overwrite it.
    private func openOwn(_ path: String) -> Int32 {
        let descriptor = FileSystem.open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_NONBLOCK, mode: 0o644)
        guard descriptor >= 0 else { return -1 }
        var status = stat()
        if fstat(descriptor, &status) == 0, status.st_mode & S_IFMT == S_IFREG, status.st_nlink <= 1 {
            return descriptor
        }
        close(descriptor)
        errno = EEXIST
        return -1
    }

    private func failure(at path: String) -> ModelError {
        .writing(SystemError(errno), at: path, bytes: layout.byteCount)
    }

    /// Removes other such files beside the checkpoint: they are of a state that the checkpoint no longer has.
    private func removeOutdated(_ path: String) {
        guard path == places.first,
            let names = try? FileSystem.names(in: modelDirectory)
        else { return }
        for other in names where other.hasPrefix(".paligemma-int8-") && other.hasSuffix(".bin") {
            if "\(modelDirectory)/\(other)" != path { FileSystem.remove("\(modelDirectory)/\(other)") }
        }
    }

    private func createDirectory(_ directory: String) {
        // An error here occurs again, and is reported, when the file is opened.
        try? FileSystem.makeFolder(directory)
    }
}
