import CSpawn
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A pipe. A child inherits an end only where it is given as its output; both ends are closed with this object.
package final class OutputPipe: @unchecked Sendable {
    // @unchecked: one thread has it at a time.
    package let reading: Int32
    package private(set) var writing: Int32

    /// - Throws: where the process has no descriptors left.
    package init() throws(ChildProcess.NotStarted) {
        var ends: [Int32] = [-1, -1]
        let failure = pg_pipe(&ends)
        guard failure == 0 else {
            throw ChildProcess.NotStarted("no pipe to another program: \(String(cString: strerror(failure)))")
        }
        (reading, writing) = (ends[0], ends[1])
    }

    deinit {
        close(reading)
        closeWriting()
    }

    /// Closes the end that is written to, so that a reader sees the end of the output when the child has ended.
    package func closeWriting() {
        if writing >= 0 { close(writing) }
        writing = -1
    }
}
