import CWire

/// A message as protobuf-c's struct, ready to be packed, and the bulk data that follows it.
/// It is valid as long as the arena that it was made in.
package struct PackedForm {
    let message: UnsafePointer<ProtobufCMessage>
    let bulk: Bulk

    init<Struct>(_ message: UnsafeMutablePointer<Struct>, bulk: Bulk = .none) {
        // Every struct that protobuf-c generates begins with its ProtobufCMessage.
        self.message = UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self)
        self.bulk = bulk
    }
}
