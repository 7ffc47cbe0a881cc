/// Whoever carries frames between ranks; may be called from any thread.
package protocol FrameSender: Sendable {
    /// Takes a whole frame; it arrives after those that were sent to the same rank before it.
    func send(_ frame: [UInt8], to rank: Int)
}
