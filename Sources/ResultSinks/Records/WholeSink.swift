import Base
import Glibc
import Queue

/// An output that is written when the work has ended, whole.
final class WholeSink: ResultSink {
    /// Nil for standard output.
    private let path: String?
    private let write: (any JobQueue, OutputWriter) throws -> SinkReport

    /// - Parameter write: writes everything and flushes the writer.
    init(path: String?, write: @escaping (any JobQueue, OutputWriter) throws -> SinkReport) {
        self.path = path
        self.write = write
    }

    func update(from queue: any JobQueue) {}

    func finish(from queue: any JobQueue) throws -> SinkReport {
        guard let path else { return try write(queue, OutputWriter(standardOutput: ())) }
        if FileSystem.isStream(path) {
            let descriptor = FileSystem.open(path, O_WRONLY)
            guard descriptor >= 0 else { throw SinkError(SystemError(errno), writing: path) }
            defer { close(descriptor) }
            return try write(queue, OutputWriter(path: path, emptyFile: descriptor, of: nil))
        }
        do {
            let file = try NewFile(for: path)
            let report = try write(queue, OutputWriter(path: path, file: file))
            FaultSwitch.before(.write, path)
            try file.commit()
            FaultSwitch.after(.write, path)
            return report
        } catch let error as SystemError {
            throw SinkError(error, writing: path)
        }
    }
}
