import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Keeps a second `run` away from an output. The system lets go of it however this process ends.
///
/// A file of its own: a lock on the queue's file would be lost whenever SQLite closes it.
final class RunLock {
    private let path: String
    private let descriptor: Int32

    init(output: String) throws(CommandFailure) {
        path = output + ".queue.lock"
        descriptor = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0o666)
        guard descriptor >= 0 else { throw LineWriter.failure(errno, path: path) }
        guard flock(descriptor, LOCK_EX | LOCK_NB) == 0 else {
            close(descriptor)
            throw CommandFailure(.environment, "another `paligemma run` is writing \(output); wait for it")
        }
    }

    deinit {
        unlink(path)
        close(descriptor)
    }
}
