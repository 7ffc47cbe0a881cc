/// One tensor of a checkpoint: its entry, the mapping that holds its bytes, and its name in the file for messages.
package struct StoredTensor: Sendable {
    package let storedName: String
    package let entry: TensorEntry
    package let mapping: MappedFile

    package init(storedName: String, entry: TensorEntry, mapping: MappedFile) {
        self.storedName = storedName
        self.entry = entry
        self.mapping = mapping
    }

    /// Whether none of its numbers is infinite or NaN. All of them are read.
    package var isFinite: Bool {
        let bytes = mapping.bytes[entry.range]
        func none<Bits: FixedWidthInteger>(_ exponent: Bits) -> Bool {
            stride(from: bytes.startIndex, to: bytes.endIndex, by: MemoryLayout<Bits>.size).allSatisfy {
                mapping.bytes.loadUnaligned(fromByteOffset: $0, as: Bits.self) & exponent != exponent
            }
        }
        return switch entry.element {
        case .float32: none(UInt32(0x7F80_0000))
        case .bfloat16: none(UInt16(0x7F80))
        case .float16: none(UInt16(0x7C00))
        }
    }
}
