/// Reads structures of Thrift's compact protocol. Every number and length is checked, nesting is bounded, and each byte
/// is read once.
struct ThriftReader {
    /// Why bytes are no structure.
    enum Fault: Error, Equatable {
        /// The structure goes on behind the last byte.
        case truncated
        case malformed(String)
    }

    /// The types of the compact protocol, as a field's header has them.
    enum Kind: UInt8 {
        case stop, yes, no, byte, int16, int32, int64, double, binary, list, set, map, structure
    }

    private static let maximumDepth = 32

    private let bytes: ArraySlice<UInt8>
    /// Index of the next byte in `bytes`.
    private(set) var position: Int

    init(_ bytes: ArraySlice<UInt8>) {
        self.bytes = bytes
        position = bytes.startIndex
    }

    private mutating func byte() throws(Fault) -> UInt8 {
        guard position < bytes.endIndex else { throw .truncated }
        defer { position += 1 }
        return bytes[position]
    }

    /// Reads an unsigned number of at most 64 bits, seven bits a byte.
    private mutating func unsigned() throws(Fault) -> UInt64 {
        var value: UInt64 = 0
        for shift in stride(from: UInt64(0), to: 70, by: 7) {
            let byte = try byte()
            guard shift < 63 || byte <= 1 else { break }
            value |= UInt64(byte & 0x7F) << shift
            if byte < 0x80 { return value }
        }
        throw .malformed("a number has more than 64 bits")
    }

    /// Reads a signed number (zigzag).
    mutating func integer() throws(Fault) -> Int64 {
        let value = try unsigned()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// Reads a number that counts or measures something.
    mutating func size() throws(Fault) -> Int {
        let value = try integer()
        guard value >= 0 else { throw .malformed("a size or count is negative: \(value)") }
        return Int(value)
    }

    /// Reads the bytes of a text or binary value.
    mutating func binary() throws(Fault) -> ArraySlice<UInt8> {
        let count = try unsigned()
        guard count <= UInt64(bytes.endIndex - position) else { throw .truncated }
        defer { position += Int(count) }
        return bytes[position..<position + Int(count)]
    }

    /// Reads a text.
    mutating func text() throws(Fault) -> String {
        guard let text = String(validating: try binary(), as: UTF8.self) else {
            throw .malformed("a text is not UTF-8")
        }
        return text
    }

    /// Reads a list's header: the number of elements, each of which has one byte at least, and their type.
    mutating func list() throws(Fault) -> (count: Int, kind: Kind) {
        let header = try byte()
        let count = header >> 4 == 15 ? try unsigned() : UInt64(header >> 4)
        guard count <= UInt64(bytes.endIndex - position) else { throw .truncated }
        return (Int(count), try kind(header & 15))
    }

    private func kind(_ number: UInt8) throws(Fault) -> Kind {
        guard let kind = Kind(rawValue: number) else { throw .malformed("there is no type \(number)") }
        return kind
    }

    /// Reads a structure. `field` reads the value of each field that it knows, and returns false for one that it does
    /// not know, which is passed over.
    mutating func structure(
        _ field: (inout ThriftReader, _ id: Int, Kind) throws(Fault) -> Bool
    ) throws(Fault) {
        var id = 0
        while true {
            let header = try byte()
            let kind = try kind(header & 15)
            if kind == .stop { return }
            let delta = Int(header >> 4)
            id = delta > 0 ? id + delta : Int(truncatingIfNeeded: try integer())
            guard id >= 0, id <= 0xFFFF else { throw .malformed("there is no field \(id)") }
            if try !field(&self, id, kind) { try skip(kind) }
        }
    }

    /// Passes over a value of a field.
    mutating func skip(_ kind: Kind, isElement: Bool = false, depth: Int = 0) throws(Fault) {
        guard depth < Self.maximumDepth else {
            throw .malformed("values are nested more than \(Self.maximumDepth) deep")
        }
        switch kind {
        case .stop: throw .malformed("a value has no type")
        // A field's truth stands in its header, an element's in a byte.
        case .yes, .no: if isElement { _ = try byte() }
        case .byte: _ = try byte()
        case .int16, .int32, .int64: _ = try unsigned()
        case .double: for _ in 0..<8 { _ = try byte() }
        case .binary: _ = try binary()
        case .list, .set:
            let (count, kind) = try list()
            for _ in 0..<count { try skip(kind, isElement: true, depth: depth + 1) }
        case .map:
            let count = try unsigned()
            guard count > 0 else { return }
            guard count <= UInt64(bytes.endIndex - position) else { throw .truncated }
            let kinds = try byte()
            let (key, value) = (try self.kind(kinds >> 4), try self.kind(kinds & 15))
            for _ in 0..<count {
                try skip(key, isElement: true, depth: depth + 1)
                try skip(value, isElement: true, depth: depth + 1)
            }
        case .structure:
            while true {
                let header = try byte()
                let kind = try self.kind(header & 15)
                if kind == .stop { return }
                if header >> 4 == 0 { _ = try integer() }
                try skip(kind, depth: depth + 1)
            }
        }
    }
}
