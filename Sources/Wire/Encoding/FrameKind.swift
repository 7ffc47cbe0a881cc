/// The kind of message that a frame holds. The raw value goes over the wire and never changes its meaning; 8 is
/// reserved.
package enum FrameKind: UInt16, Sendable, CaseIterable {
    case hello = 1
    case welcome = 2
    case order = 3
    case pixelBatch = 4
    case features = 5
    case tokens = 6
    case failure = 7
    case report = 9
    case encoded = 10
}
