/// The values of a dictionary page. They stay in the page, in which each is found at once.
final class ParquetDictionary {
    private let bytes: [UInt8]
    private let type: ParquetType
    /// Size of a value of fixed length, in bytes; 0 for others.
    private let size: Int
    /// The place behind each value of any length; each value begins four bytes behind the one before.
    private var ends: [Int32] = []
    private let count: Int

    /// Reads the values of a page of the column: plain, `count` of them.
    ///
    /// - Throws: ``ParquetFault`` where the page has fewer.
    init(_ bytes: [UInt8], column: ParquetColumn, count: Int) throws(ParquetFault) {
        self.bytes = bytes
        self.count = count
        type = column.type
        size = column.valueSize ?? 0
        switch column.type {
        case .boolean: throw .unsupported("a dictionary of booleans")
        case .byteArray:
            guard count <= bytes.count / 4 else { throw .truncated }
            var decoder = PlainBytesDecoder(bytes: ParquetBytes(bytes, bytes.indices))
            ends.reserveCapacity(count)
            for _ in 0..<count { ends.append(Int32(try decoder.range().upperBound)) }
        default:
            guard count <= bytes.count / size else { throw .truncated }
        }
    }

    /// Returns a value.
    ///
    /// - Throws: ``ParquetFault`` where the dictionary has no such value.
    func value(_ index: Int) throws(ParquetFault) -> ParquetValue {
        guard index < count else { throw .malformed("value \(index) of a dictionary of \(count) is asked for") }
        guard size == 0 else { return fixedValue(type, bytes[index * size..<(index + 1) * size]) }
        let start = index == 0 ? 4 : Int(ends[index - 1]) + 4
        return .bytes(Array(bytes[start..<Int(ends[index])]))
    }
}
