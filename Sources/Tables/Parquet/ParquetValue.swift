/// A value of a parquet column as the file stores it. ``ParquetColumn`` knows what it means.
package enum ParquetValue: Equatable, Sendable {
    case null
    case boolean(Bool)
    /// A number of 32 or 64 bits; the bits of an unsigned number of 64.
    case integer(Int64)
    case float(Float)
    case double(Double)
    /// A text in UTF-8, binary data, or a number of fixed length.
    case bytes([UInt8])
    case list([ParquetValue])

    /// The value that stores a text.
    package static func text(_ text: String) -> ParquetValue { .bytes(Array(text.utf8)) }
}

/// How values are stored. The numbers are those of the format.
package enum ParquetType: Int, Sendable {
    case boolean, int32, int64, int96, float, double, byteArray, fixedLengthByteArray
}

/// How much of a parquet file may be in memory.
package struct ParquetLimits: Sendable {
    /// Size of the largest description of a file's contents, in bytes.
    package var footerSize = 128 << 20
    /// Size of the largest page, compressed and not, in bytes. Pages of pictures are large: writers count 1024 values
    /// before they look at a page's size.
    package var pageSize = 1 << 30
    /// What a page above 64 MiB may be larger than its compressed bytes, as a factor.
    package var expansion = 256
    /// Number of elements of the longest list.
    package var listElements = 1 << 20
    /// Size of the elements of the largest list, in bytes.
    package var listSize = 64 << 20
    /// Number of columns, those inside other columns included.
    package var columns = 1 << 16
    /// Number of rows. A run of equal values takes few bytes whatever its length.
    package var rows = 1 << 32
    /// Number of pages of a column in a row group, where single cells are read.
    package var pages = 1 << 20
    /// Number of row groups.
    package var groups = 1 << 20

    package init() {}
}
