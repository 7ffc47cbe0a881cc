import Base
import Foundation
import ResultSinks

#if canImport(Glibc)
    import Glibc
#endif

/// Keeps a second `run` away from an output. The system releases it however this process ends.
///
/// A file of its own: a lock on the queue's file would be lost whenever SQLite closes it.
final class RunLock {
    private let path: String
    private let descriptor: Int32

    init(output: String) throws(CommandFailure) {
        path = output + ".queue.lock"
        while true {
            let opened = FileSystem.open(path, O_WRONLY | O_CREAT | O_NOFOLLOW, mode: 0o600)
            guard opened >= 0 else {
                throw CommandFailure(.environment, SinkError(SystemError(errno), writing: path).description)
            }
            guard flock(opened, LOCK_EX | LOCK_NB) == 0 else {
                close(opened)
                throw CommandFailure(.environment, "another `paligemma run` is writing \(output); wait for it")
            }
            if FileIdentity.isOpen(opened, at: path) {
                descriptor = opened
                return
            }
            // Between our open and our lock the one before us ended and removed the file: its lock holds nobody back.
            close(opened)
        }
    }

    deinit {
        FileSystem.remove(path)
        close(descriptor)
    }
}
