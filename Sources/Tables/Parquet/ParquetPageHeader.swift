/// What stands before each page of a chunk.
struct ParquetPageHeader {
    enum Kind: Int {
        case data, index, dictionary, dataV2
    }

    var kind = Kind.index
    var uncompressedSize = 0
    var compressedSize = 0
    /// The CRC-32 of the page as it is stored, if there is one.
    var checksum: UInt32?
    /// The number of values and nulls, of the elements of lists.
    var values = 0
    /// The number of rows, where the page says it.
    var rows: Int?
    var encoding = 0
    var definitionEncoding = 3
    var repetitionEncoding = 3
    /// Sizes of the levels of a page of version 2, in bytes.
    var definitionSize = 0
    var repetitionSize = 0
    /// Whether the values of a page of version 2 are compressed.
    var isCompressed = true
    /// Size of the header itself, in bytes.
    var size = 0

    /// Reads a header from the start of the bytes.
    ///
    /// - Throws: ``ParquetFault``.
    init(_ bytes: [UInt8]) throws(ParquetFault) {
        var reader = ThriftReader(ParquetBytes(bytes, bytes.indices))
        var header = ParquetPageHeader()
        var number = -1
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            switch (id, kind) {
            case (1, .int32): number = try reader.size()
            case (2, .int32): header.uncompressedSize = try reader.size()
            case (3, .int32): header.compressedSize = try reader.size()
            case (4, .int32): header.checksum = UInt32(truncatingIfNeeded: try reader.integer())
            case (5, .structure): try header.readData(&reader)
            case (7, .structure): try header.readDictionary(&reader)
            case (8, .structure): try header.readDataV2(&reader)
            default: return false
            }
            return true
        }
        guard let kind = Kind(rawValue: number) else { throw .malformed("there is no kind of page \(number)") }
        header.kind = kind
        header.size = reader.position
        guard header.uncompressedSize <= Int32.max, header.compressedSize <= Int32.max, header.values <= Int32.max
        else {
            throw .malformed("a size has more than 31 bits")
        }
        self = header
    }

    private init() {}

    private mutating func readData(_ reader: inout ThriftReader) throws(ParquetFault) {
        var header = self
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            switch (id, kind) {
            case (1, .int32): header.values = try reader.size()
            case (2, .int32): header.encoding = try reader.size()
            case (3, .int32): header.definitionEncoding = try reader.size()
            case (4, .int32): header.repetitionEncoding = try reader.size()
            default: return false
            }
            return true
        }
        self = header
    }

    private mutating func readDictionary(_ reader: inout ThriftReader) throws(ParquetFault) {
        var header = self
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            switch (id, kind) {
            case (1, .int32): header.values = try reader.size()
            case (2, .int32): header.encoding = try reader.size()
            default: return false
            }
            return true
        }
        self = header
    }

    private mutating func readDataV2(_ reader: inout ThriftReader) throws(ParquetFault) {
        var header = self
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            switch (id, kind) {
            case (1, .int32): header.values = try reader.size()
            case (3, .int32): header.rows = try reader.size()
            case (4, .int32): header.encoding = try reader.size()
            case (5, .int32): header.definitionSize = try reader.size()
            case (6, .int32): header.repetitionSize = try reader.size()
            case (7, .yes), (7, .no):
                header.isCompressed = kind == .yes
                return false
            default: return false
            }
            return true
        }
        self = header
    }
}
