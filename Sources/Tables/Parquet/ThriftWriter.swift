/// Writes structures of Thrift's compact protocol.
struct ThriftWriter {
    private(set) var bytes: [UInt8] = []
    /// The number of the last field of each open structure.
    private var fields: [Int] = [0]

    private mutating func unsigned(_ value: UInt64) {
        var value = value
        while value >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: value) | 0x80)
            value >>= 7
        }
        bytes.append(UInt8(value))
    }

    private mutating func signed(_ value: Int64) { unsigned(UInt64(bitPattern: value << 1 ^ value >> 63)) }

    private mutating func header(_ id: Int, _ kind: ThriftReader.Kind) {
        let delta = id - fields[fields.count - 1]
        fields[fields.count - 1] = id
        bytes.append(UInt8(delta) << 4 | kind.rawValue)
    }

    /// Writes a field that holds a number of 32 bits. Fields are at most 15 behind the one before.
    mutating func int32(_ id: Int, _ value: Int) {
        header(id, .int32)
        signed(Int64(value))
    }

    /// Writes a field that holds a number of 64 bits.
    mutating func int64(_ id: Int, _ value: Int) {
        header(id, .int64)
        signed(Int64(value))
    }

    /// Writes a field that holds a text.
    mutating func text(_ id: Int, _ value: String) {
        header(id, .binary)
        element(value)
    }

    /// Writes a text of a list.
    mutating func element(_ value: String) {
        unsigned(UInt64(value.utf8.count))
        bytes.append(contentsOf: value.utf8)
    }

    /// Writes a number of a list.
    mutating func element(_ value: Int) { signed(Int64(value)) }

    /// Writes a field that holds a list, each element with `write`.
    mutating func list<Element>(
        _ id: Int, of kind: ThriftReader.Kind, _ elements: [Element], _ write: (inout ThriftWriter, Element) -> Void
    ) {
        header(id, .list)
        if elements.count < 15 {
            bytes.append(UInt8(elements.count) << 4 | kind.rawValue)
        } else {
            bytes.append(0xF0 | kind.rawValue)
            unsigned(UInt64(elements.count))
        }
        for element in elements { write(&self, element) }
    }

    /// Writes a field that holds a structure.
    mutating func structure(_ id: Int, _ write: (inout ThriftWriter) -> Void) {
        header(id, .structure)
        structure(write)
    }

    /// Writes a structure that is no field: the whole, or an element of a list.
    mutating func structure(_ write: (inout ThriftWriter) -> Void) {
        fields.append(0)
        write(&self)
        fields.removeLast()
        bytes.append(0)
    }
}
