/// A message that can be sent as a frame.
package protocol FrameMessage: Sendable, Equatable {
    static var kind: FrameKind { get }
    /// The part of the message that the header repeats.
    var routing: Routing { get }
    /// Returns the message as protobuf-c's struct, in memory of `arena`.
    ///
    /// - Throws: `malformed` where the message contradicts itself, such as data of another size than its rows.
    func packed(in arena: Arena) throws(WireError) -> PackedForm
    /// Reads a payload whose checksum was right.
    ///
    /// - Throws: `malformed` where the payload is not such a message, `tooLong` where it is longer than any may be.
    init(payload: UnsafeRawBufferPointer) throws(WireError)
}

extension FrameMessage {
    package var routing: Routing { Routing() }
}
