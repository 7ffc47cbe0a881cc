/// Sends frames to ranks; may be called from any thread.
package protocol FrameSender: Sendable {
    /// Sends a whole frame; it arrives after those that were sent to the same rank before it.
    ///
    /// - Parameter picture: The picture whose features the frame holds, below 2³⁰; 0 for any other frame. It is sent
    ///   beside the frame, so that a receiver knows what was lost however badly the frame was damaged.
    func send(_ frame: [UInt8], to rank: Int, about picture: UInt64)
}

extension FrameSender {
    package func send(_ frame: [UInt8], to rank: Int) { send(frame, to: rank, about: 0) }
}
