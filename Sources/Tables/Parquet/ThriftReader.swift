/// Reads structures of Thrift's compact protocol. Every number and length is checked, nesting is bounded, and each byte
/// is read once.
struct ThriftReader {
    /// The types of the compact protocol, as a field's header has them.
    enum Kind: UInt8 {
        case stop, yes, no, byte, int16, int32, int64, double, binary, list, set, map, structure
    }

    private static let maximumDepth = 32

    private var bytes: ParquetBytes

    init(_ bytes: ParquetBytes) { self.bytes = bytes }

    /// Index of the next byte.
    var position: Int { bytes.position }

    /// Reads a signed number.
    mutating func integer() throws(ParquetFault) -> Int64 { try bytes.signedVariable() }

    /// Reads a number that counts or measures something.
    mutating func size() throws(ParquetFault) -> Int {
        let value = try integer()
        guard value >= 0 else { throw .malformed("a size or count is negative: \(value)") }
        return Int(value)
    }

    /// Reads the bytes of a text or binary value.
    mutating func binary() throws(ParquetFault) -> ArraySlice<UInt8> {
        let count = try bytes.variable()
        guard count <= UInt64(bytes.count) else { throw .truncated }
        return bytes.bytes[try bytes.take(Int(count))]
    }

    /// Reads a text.
    mutating func text() throws(ParquetFault) -> String {
        guard let text = String(validating: try binary(), as: UTF8.self) else {
            throw .malformed("a text is not UTF-8")
        }
        return text
    }

    /// Reads a list's header: the number of elements, each of which has one byte at least, and their type.
    mutating func list() throws(ParquetFault) -> (count: Int, kind: Kind) {
        let header = try bytes.byte()
        let count = header >> 4 == 15 ? try bytes.variable() : UInt64(header >> 4)
        guard count <= UInt64(bytes.count) else { throw .truncated }
        return (Int(count), try kind(header & 15))
    }

    private func kind(_ number: UInt8) throws(ParquetFault) -> Kind {
        guard let kind = Kind(rawValue: number) else { throw .malformed("there is no type \(number)") }
        return kind
    }

    /// Reads a structure. `field` reads the value of each field that it knows, and returns false for one that it does
    /// not know, which is passed over.
    mutating func structure(
        _ field: (inout ThriftReader, _ id: Int, Kind) throws(ParquetFault) -> Bool
    ) throws(ParquetFault) {
        var id = 0
        while true {
            let header = try bytes.byte()
            let kind = try kind(header & 15)
            if kind == .stop { return }
            let delta = Int(header >> 4)
            id = delta > 0 ? id + delta : Int(truncatingIfNeeded: try integer())
            guard id >= 0, id <= 0xFFFF else { throw .malformed("there is no field \(id)") }
            if try !field(&self, id, kind) { try skip(kind) }
        }
    }

    /// Passes over a value of a field.
    mutating func skip(_ kind: Kind, isElement: Bool = false, depth: Int = 0) throws(ParquetFault) {
        guard depth < Self.maximumDepth else {
            throw .malformed("values are nested more than \(Self.maximumDepth) deep")
        }
        switch kind {
        case .stop: throw .malformed("a value has no type")
        // A field's truth stands in its header, an element's in a byte.
        case .yes, .no: if isElement { _ = try bytes.byte() }
        case .byte: _ = try bytes.byte()
        case .int16, .int32, .int64: _ = try bytes.variable()
        case .double: _ = try bytes.take(8)
        case .binary: _ = try binary()
        case .list, .set:
            let (count, kind) = try list()
            for _ in 0..<count { try skip(kind, isElement: true, depth: depth + 1) }
        case .map:
            let count = try bytes.variable()
            guard count > 0 else { return }
            guard count <= UInt64(bytes.count) else { throw .truncated }
            let kinds = try bytes.byte()
            let (key, value) = (try self.kind(kinds >> 4), try self.kind(kinds & 15))
            for _ in 0..<count {
                try skip(key, isElement: true, depth: depth + 1)
                try skip(value, isElement: true, depth: depth + 1)
            }
        case .structure:
            while true {
                let header = try bytes.byte()
                let kind = try self.kind(header & 15)
                if kind == .stop { return }
                if header >> 4 == 0 { _ = try integer() }
                try skip(kind, depth: depth + 1)
            }
        }
    }
}
