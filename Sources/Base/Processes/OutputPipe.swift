import CSpawn
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A pipe that no child inherits unless it is given one of its ends; closed with this object.
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

    package func closeWriting() {
        if writing >= 0 { close(writing) }
        writing = -1
    }
}
