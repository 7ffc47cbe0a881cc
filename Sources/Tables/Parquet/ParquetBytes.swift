/// Why a page or a description cannot be read.
enum ParquetFault: Error {
    /// The bytes end inside a value.
    case truncated
    case malformed(String)
    case unsupported(String)
}

/// Bytes of a page or a description that are read from front to back. Every read is checked.
struct ParquetBytes {
    let bytes: [UInt8]
    private(set) var position: Int
    let end: Int

    init(_ bytes: [UInt8], _ range: Range<Int>) {
        self.bytes = bytes
        position = range.lowerBound
        end = range.upperBound
    }

    var count: Int { end - position }

    /// Passes over `count` bytes and returns where they are.
    mutating func take(_ count: Int) throws(ParquetFault) -> Range<Int> {
        guard count >= 0, count <= end - position else { throw .truncated }
        defer { position += count }
        return position..<position + count
    }

    mutating func byte() throws(ParquetFault) -> UInt8 { bytes[try take(1).lowerBound] }

    /// Reads an integer of `count` bytes, at most 8, the lowest first.
    mutating func littleEndian(_ count: Int) throws(ParquetFault) -> UInt64 {
        var value: UInt64 = 0
        for index in try take(count).reversed() { value = value << 8 | UInt64(bytes[index]) }
        return value
    }

    /// Reads an unsigned number of at most 64 bits, seven bits a byte.
    mutating func variable() throws(ParquetFault) -> UInt64 {
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
    mutating func signedVariable() throws(ParquetFault) -> Int64 {
        let value = try variable()
        return Int64(bitPattern: value >> 1) ^ -Int64(bitPattern: value & 1)
    }

    /// Returns `width` bits, at most 64, that begin at bit `bit` behind byte `start`; the lowest bit of a byte is
    /// first.
    ///
    /// - Throws: `truncated` where the bytes end before.
    func bits(from start: Int, bit: Int, width: Int) throws(ParquetFault) -> UInt64 {
        guard width > 0 else { return 0 }
        let first = start + bit >> 3
        let last = start + (bit + width - 1) >> 3
        guard last < end else { throw .truncated }
        let shift = UInt64(bit & 7)
        var low: UInt64 = 0
        var index = min(last, first + 7)
        while index >= first {
            low = low << 8 | UInt64(bytes[index])
            index -= 1
        }
        var value = low >> shift
        if last == first + 8 { value |= UInt64(bytes[last]) << (64 - shift) }
        return width == 64 ? value : value & (1 << UInt64(width) - 1)
    }
}
