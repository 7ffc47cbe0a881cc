import Base
import Foundation

/// Where the file of quantised weights lies, and who makes it.
///
/// It is made under a name of its own, which its maker holds locked, and gets its real name when it is whole. Whoever
/// comes meanwhile waits for the lock and then finds it. A maker that dies leaves nothing but the unfinished file, which
/// the next one takes over.
struct QuantizedCache {
    let layout: QuantizedLayout
    let modelDirectory: String

    typealias Maker = (_ descriptor: Int32, _ path: String) throws(ModelError) -> Void

    private var name: String { "paligemma-int8-\(layout.key.prefix(16)).bin" }

    /// Where it may lie, the preferred one first.
    private var places: [String] {
        let environment = ProcessInfo.processInfo.environment
        func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        let user = variable("XDG_CACHE_HOME") ?? variable("HOME").map { $0 + "/.cache" }
        return ["\(modelDirectory)/.\(name)"] + (user.map { ["\($0)/paligemma/\(name)"] } ?? [])
    }

    /// The path of the whole file, made if there is none.
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
            (problems.first?.reason ?? "there is no place for the quantised weights")
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
        if path != places.first { mkdirs((path as NSString).deletingLastPathComponent) }
        while true {
            let descriptor = open(unfinished, O_RDWR | O_CREAT | O_CLOEXEC, 0o644)
            guard descriptor >= 0 else { throw .writing(errno, at: path, bytes: layout.byteCount) }
            defer { close(descriptor) }
            while Loading.waiting({ flock(descriptor, LOCK_EX) }) != 0 {
                if errno != EINTR { throw .writing(errno, at: path, bytes: layout.byteCount) }
            }
            // Who held the lock before may have finished the file that this descriptor is, or given it up.
            guard SystemFile.isOpen(descriptor, at: unfinished) else {
                if isThere(path) { return }
                continue
            }
            if isThere(path) {
                unlink(unfinished)
                return
            }
            do {
                try make(descriptor, path)
            } catch {
                unlink(unfinished)
                throw error
            }
            guard rename(unfinished, path) == 0 else { throw .writing(errno, at: path, bytes: layout.byteCount) }
            syncDirectory(of: path)
            removeOutdated(path)
            return
        }
    }

    /// What lies beside a checkpoint is of this checkpoint: another file is of what it was before.
    private func removeOutdated(_ path: String) {
        guard path == places.first,
            let names = try? FileManager.default.contentsOfDirectory(atPath: modelDirectory)
        else { return }
        for other in names where other.hasPrefix(".paligemma-int8-") && other.hasSuffix(".bin") {
            if "\(modelDirectory)/\(other)" != path { unlink("\(modelDirectory)/\(other)") }
        }
    }

    private func mkdirs(_ directory: String) {
        // What goes wrong here goes wrong again, and is told, when the file is opened.
        try? FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
    }

    private func syncDirectory(of path: String) {
        let directory = open((path as NSString).deletingLastPathComponent, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard directory >= 0 else { return }
        fsync(directory)
        close(directory)
    }
}
