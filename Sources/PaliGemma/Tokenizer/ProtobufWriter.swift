/// Writes protobuf fields one after another: the little of the format that a vocabulary needs.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write(field: UInt64, varint value: UInt64) {
        append(varint: field << 3)
        append(varint: value)
    }

    mutating func write(field: UInt64, float value: Float) {
        append(varint: field << 3 | 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func write(field: UInt64, bytes value: some Collection<UInt8>) {
        append(varint: field << 3 | 2)
        append(varint: UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    private mutating func append(varint: UInt64) {
        var rest = varint
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
