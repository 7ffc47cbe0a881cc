import Base
import Foundation
import Queue

#if canImport(Glibc)
    import Glibc
#endif

/// A queue in a file: what it is, where it lies, and how long its disk takes for a commit.
package enum QueueFileCheck {
    /// What is at the path.
    package enum Content: Sendable, Equatable {
        case queue(QueueFileInspection)
        case absent
        /// The journal of a write that did not end: the next world rolls it back.
        case interrupted
        case unusable(QueueError)
    }

    /// The time of a commit.
    package enum CommitTime: Sendable, Equatable {
        /// - folder: where it was measured, if not beside the queue.
        case seconds(Double, folder: String?)
        case unknown(String)
    }

    package struct Facts: Sendable {
        package var path: String
        package var content: Content
        /// Nil for one of this machine.
        package var networkFileSystem: String?
        /// Whether this user may write the file, or make it.
        package var isWritable: Bool
        /// The folder of the file, and whether it is there.
        package var folder: String
        package var hasFolder: Bool
        package var commit: CommitTime

        package init(
            path: String, content: Content, networkFileSystem: String? = nil, isWritable: Bool = true,
            folder: String = ".", hasFolder: Bool = true, commit: CommitTime
        ) {
            self.path = path
            self.content = content
            self.networkFileSystem = networkFileSystem
            self.isWritable = isWritable
            self.folder = folder
            self.hasFolder = hasFolder
            self.commit = commit
        }
    }

    private static let slowCommit = 0.05
    private static let verySlowCommit = 0.5

    package static func judge(_ facts: Facts) -> Finding {
        if let kind = facts.networkFileSystem {
            return Finding(
                .fail,
                "\(facts.path) lies on a network file system (\(kind)), where locks do not keep two worlds apart",
                "put it on a disk of this machine, or use PostgreSQL: --queue postgres://host/database")
        }
        guard facts.hasFolder else {
            return Finding(.fail, "there is no folder \(facts.folder)", "make it, or give another path")
        }
        guard facts.isWritable else {
            return Finding(
                .fail, "this user may not write \(facts.path)", "let its owner grant that, for the file and its folder")
        }
        return .all([judge(facts.content, facts.path), judge(facts.commit)])
    }

    private static func judge(_ content: Content, _ path: String) -> Finding {
        switch content {
        case .absent:
            return Finding(.note, "there is no file \(path) yet", "`paligemma submit` and `paligemma run` make it")
        case .interrupted:
            return Finding(.note, "a write did not end; the next program that opens the queue takes it back")
        case .unusable(let error): return Finding(.fail, error.description)
        case .queue(let queue):
            let known = QueueFileInspection.knownSchema
            guard queue.schema <= known else {
                return Finding(
                    .fail, "it has schema \(queue.schema), newer than \(known)", "use the newer version of this program"
                )
            }
            let older = queue.schema < known ? " (the next program that opens it raises it to \(known))" : ""
            return Finding(.ok, "schema \(queue.schema)\(older)")
        }
    }

    private static func judge(_ commit: CommitTime) -> Finding {
        switch commit {
        case .unknown(let reason): return .notChecked("the time of a commit (\(reason))")
        case .seconds(let seconds, let folder):
            let place = folder.map { " in \($0)" } ?? ""
            let text = "\(DatabaseCheck.milliseconds(seconds)) a commit\(place)"
            guard seconds > slowCommit else { return Finding(.ok, text) }
            return Finding(
                seconds > verySlowCommit ? .warn : .note, text + ", which is slow",
                "put the queue on an SSD of this machine; small jobs wait for it")
        }
    }
}

extension QueueFileCheck {
    /// - Parameter scratch: takes note of the files that are made and removed again.
    static func facts(_ path: String, _ scratch: ScratchFiles) -> Facts {
        let parent = path.parentPath
        let folder = parent.isEmpty ? "." : parent
        let exists = FileSystem.exists(path)
        let mayWriteFolder = FileSystem.isPermitted(folder, W_OK | X_OK)
        return Facts(
            path: path, content: exists ? content(of: path) : .absent,
            networkFileSystem: NetworkFileSystem.kind(under: path),
            // A journal has to be made beside the file.
            isWritable: mayWriteFolder && (!exists || FileSystem.isPermitted(path, R_OK | W_OK)), folder: folder,
            hasFolder: FileSystem.isFolder(folder), commit: commitTime(folder, mayWriteFolder, scratch))
    }

    private static func content(of path: String) -> Content {
        if FileSystem.isFolder(path) {
            return .unusable(.cannotOpen(queue: path, reason: "it is a directory; give the path of a file"))
        }
        do throws(QueueError) {
            return .queue(try QueueFileInspection(path: path))
        } catch {
            let journal = FileSystem.status(of: path + "-journal").map { $0.st_size > 0 } ?? false
            if case .cannotOpen = error, journal, FileSystem.isPermitted(path, R_OK | W_OK) { return .interrupted }
            return .unusable(error)
        }
    }

    private static func commitTime(_ folder: String, _ mayWrite: Bool, _ scratch: ScratchFiles) -> CommitTime {
        let place = mayWrite ? folder : NSTemporaryDirectory()
        let path = "\(place)/.paligemma-doctor-\(getpid())-\(UInt32.random(in: 0 ... .max))"
        scratch.add(CommitProbe.files(at: path))
        do throws(QueueError) {
            guard let time = try CommitProbe.commitTime(at: path) else { return .unknown("none was made") }
            return .seconds(time / .seconds(1), folder: mayWrite ? nil : place)
        } catch {
            return .unknown(error.description)
        }
    }
}

/// Files that checks make and remove. What is left when the time is up is removed at the end.
final class ScratchFiles: Sendable {
    private let paths = Locked<[String]>([])

    func add(_ files: [String]) { paths.withLock { $0 += files } }

    func remove() {
        for path in paths.withLock({ $0 }) { FileSystem.remove(path) }
    }
}
