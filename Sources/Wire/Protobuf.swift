import CWire

#if canImport(Glibc)
    import Glibc
#endif

/// A message as protobuf-c's struct, ready to be packed, and the bulk data that follows it.
/// Valid as long as the arena that it was made in.
package struct PackedForm {
    let message: UnsafePointer<ProtobufCMessage>
    let bulk: Bulk

    init<Struct>(_ message: UnsafeMutablePointer<Struct>, bulk: Bulk = .none) {
        // Every struct that protobuf-c generates begins with its ProtobufCMessage.
        self.message = UnsafeRawPointer(message).assumingMemoryBound(to: ProtobufCMessage.self)
        self.bulk = bulk
    }
}

/// Memory that the structs of one message point into. Freed as a whole, so no struct owns anything.
package final class Arena {
    private var blocks: [UnsafeMutableRawPointer] = []

    package init() {}

    deinit {
        for block in blocks { block.deallocate() }
    }

    /// A struct with protobuf-c's defaults.
    func make<Struct>(_ initialize: (UnsafeMutablePointer<Struct>?) -> Void) -> UnsafeMutablePointer<Struct> {
        let pointer = allocate(Struct.self, count: 1)
        initialize(pointer)
        return pointer
    }

    /// A copy of plain numbers; nil for none of them.
    func copy<Element: BitwiseCopyable>(_ elements: [Element]) -> UnsafeMutablePointer<Element>? {
        guard !elements.isEmpty else { return nil }
        let pointer = allocate(Element.self, count: elements.count)
        pointer.initialize(from: elements, count: elements.count)
        return pointer
    }

    /// A copy that ends with NUL. What follows a NUL inside `string` does not travel.
    func copy(_ string: String) -> UnsafeMutablePointer<CChar>? {
        copy(Array(string.utf8CString))
    }

    /// The table of pointers that a repeated message is to protobuf-c; nil for none.
    func table<Struct>(
        _ structs: [UnsafeMutablePointer<Struct>]
    ) -> UnsafeMutablePointer<UnsafeMutablePointer<Struct>?>? {
        copy(structs.map(Optional.some))
    }

    private func allocate<Element>(_ type: Element.Type, count: Int) -> UnsafeMutablePointer<Element> {
        let block = UnsafeMutableRawPointer.allocate(
            byteCount: count * MemoryLayout<Element>.stride, alignment: MemoryLayout<Element>.alignment)
        blocks.append(block)
        return block.bindMemory(to: Element.self, capacity: count)
    }
}

/// How messages are read out of protobuf-c's structs.
enum Unpacking {
    typealias Unpack<Struct> = (UnsafeMutablePointer<ProtobufCAllocator>?, Int, UnsafePointer<UInt8>?) ->
        UnsafeMutablePointer<Struct>?
    typealias Free<Struct> = (UnsafeMutablePointer<Struct>?, UnsafeMutablePointer<ProtobufCAllocator>?) -> Void

    /// Gives `body` the struct that `bytes` hold, and frees it afterwards.
    ///
    /// - Throws: `malformed` where the bytes are not such a message, `tooLong` beyond `Frame.maximumMessage`.
    static func read<Struct, Result>(
        _ bytes: UnsafeRawBufferPointer, kind: FrameKind, _ unpack: Unpack<Struct>, _ free: Free<Struct>,
        _ body: (Struct) throws(WireError) -> Result
    ) throws(WireError) -> Result {
        guard bytes.count <= Frame.maximumMessage else {
            throw .tooLong(kind: kind, bytes: bytes.count, limit: Frame.maximumMessage)
        }
        let start = bytes.baseAddress?.assumingMemoryBound(to: UInt8.self)
        guard let message = unpack(nil, bytes.count, start) else {
            throw .malformed(kind: kind, reason: "it is not a protobuf message of that kind")
        }
        defer { free(message, nil) }
        return try body(message.pointee)
    }

    static func array<Element: BitwiseCopyable>(_ start: UnsafeMutablePointer<Element>?, _ count: Int) -> [Element] {
        Array(UnsafeBufferPointer(start: start, count: count))
    }

    static func string(_ start: UnsafeMutablePointer<CChar>?) -> String {
        start.map { String(cString: $0) } ?? ""
    }

    /// A repeated message, element by element.
    static func messages<Struct, Element>(
        _ start: UnsafeMutablePointer<UnsafeMutablePointer<Struct>?>?, _ count: Int,
        _ read: (Struct) throws(WireError) -> Element
    ) throws(WireError) -> [Element] {
        var elements: [Element] = []
        elements.reserveCapacity(count)
        for pointer in UnsafeBufferPointer(start: start, count: count) {
            if let pointer { elements.append(try read(pointer.pointee)) }
        }
        return elements
    }

    /// A choice of ours for a number from the wire.
    static func choice<Choice: RawRepresentable<UInt32>>(
        _ rawValue: UInt32, kind: FrameKind, field: String
    ) throws(WireError) -> Choice {
        guard let choice = Choice(rawValue: rawValue) else {
            throw .malformed(kind: kind, reason: "its \(field) \(rawValue) is none that is known")
        }
        return choice
    }
}
