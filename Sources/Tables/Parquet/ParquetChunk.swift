/// The part of a column that is in one row group: pages one after the other, a dictionary first if there is one.
struct ParquetChunk {
    var type: ParquetType?
    var codec = 0
    /// The number of values and nulls, of the elements of lists.
    var values = 0
    var compressedSize = 0
    var dataOffset = 0
    var dictionaryOffset = 0
    var isElsewhere = false
    var isEncrypted = false

    /// Offset of the first page, in bytes from the start of the file. Some writers leave the dictionary's at 0.
    var start: Int { dictionaryOffset > 0 ? min(dictionaryOffset, dataOffset) : dataOffset }

    /// Reads the description of a chunk.
    ///
    /// - Throws: ``ParquetFault``.
    init(_ reader: inout ThriftReader) throws(ParquetFault) {
        var chunk = ParquetChunk()
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            switch (id, kind) {
            case (1, .binary): chunk.isElsewhere = try !reader.binary().isEmpty
            case (3, .structure): try chunk.readMetadata(&reader)
            case (8, _), (9, _):
                chunk.isEncrypted = true
                return false
            default: return false
            }
            return true
        }
        self = chunk
    }

    private init() {}

    private mutating func readMetadata(_ reader: inout ThriftReader) throws(ParquetFault) {
        var chunk = self
        try reader.structure { (reader, id, kind) throws(ParquetFault) in
            switch (id, kind) {
            case (1, .int32): chunk.type = ParquetType(rawValue: try reader.size())
            case (4, .int32): chunk.codec = try reader.size()
            case (5, .int64): chunk.values = try reader.size()
            case (7, .int64): chunk.compressedSize = try reader.size()
            case (9, .int64): chunk.dataOffset = try reader.size()
            case (11, .int64): chunk.dictionaryOffset = try reader.size()
            default: return false
            }
            return true
        }
        self = chunk
    }
}
