/// Bounds-checked reads of the integers in file headers. Each returns nil where the bytes end before.
extension Collection where Element == UInt8, Index == Int {
    package func byte(at offset: Int) -> UInt8? {
        offset >= 0 && offset < count ? self[startIndex + offset] : nil
    }

    package func bigEndian16(at offset: Int) -> Int? { integer(at: offset, bytes: 2, littleEndian: false) }
    package func bigEndian32(at offset: Int) -> Int? { integer(at: offset, bytes: 4, littleEndian: false) }
    package func littleEndian16(at offset: Int) -> Int? { integer(at: offset, bytes: 2, littleEndian: true) }
    package func littleEndian24(at offset: Int) -> Int? { integer(at: offset, bytes: 3, littleEndian: true) }
    package func littleEndian32(at offset: Int) -> Int? { integer(at: offset, bytes: 4, littleEndian: true) }

    /// Returns an unsigned integer of at most four bytes.
    package func integer(at offset: Int, bytes: Int, littleEndian: Bool) -> Int? {
        guard offset >= 0, offset <= count - bytes else { return nil }
        var value = 0
        for index in 0..<bytes {
            let byte = Int(self[startIndex + offset + (littleEndian ? bytes - 1 - index : index)])
            value = value << 8 | byte
        }
        return value
    }

    /// Returns whether these ASCII characters are at `offset`.
    package func holds(_ text: StaticString, at offset: Int = 0) -> Bool {
        guard offset >= 0, offset <= count - text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            expected.indices.allSatisfy { self[startIndex + offset + $0] == expected[$0] }
        }
    }
}
