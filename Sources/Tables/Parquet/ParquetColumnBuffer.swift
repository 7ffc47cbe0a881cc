import Base

/// Where a chunk of a column was written.
struct ParquetWrittenChunk {
    let offset: Int
    /// The number of values and nulls, of the elements of lists.
    let values: Int
    /// Sizes of the pages with their headers, in bytes.
    let uncompressedSize: Int
    let compressedSize: Int
}

/// The values of one column of a row group: finished pages, and the page that is still open.
struct ParquetColumnBuffer {
    private let column: ParquetWriter.Column
    /// Finished pages with their headers.
    private var pages: [[UInt8]] = []
    private var pageSizes = (uncompressed: 0, compressed: 0)
    private var pageValues = 0
    /// The open page.
    private var values: [UInt8] = []
    private var definition = LevelRuns()
    private var repetition = LevelRuns()
    private var booleans = 0
    /// The number of values and nulls of the open page.
    private(set) var openValues = 0

    init(_ column: ParquetWriter.Column) { self.column = column }

    /// Size of what the open page holds, in bytes.
    var openSize: Int { values.count + definition.bytes.count + repetition.bytes.count }
    /// Size of what the group holds, in bytes before compression.
    var size: Int { pageSizes.uncompressed + openSize }

    /// Appends a value, which fits the column.
    mutating func append(_ value: ParquetValue) {
        let full = column.definitionLevel
        switch value {
        case .null: appendLevels(definition: 0, repetition: 0)
        case .list(let elements):
            if elements.isEmpty { appendLevels(definition: full - 1, repetition: 0) }
            for (index, element) in elements.enumerated() {
                appendLevels(definition: full, repetition: index == 0 ? 0 : 1)
                store(element)
            }
        default:
            appendLevels(definition: full, repetition: 0)
            store(value)
        }
    }

    private mutating func appendLevels(definition level: Int, repetition: Int) {
        openValues += 1
        if column.definitionLevel > 0 { definition.append(level) }
        if column.type.isList { self.repetition.append(repetition) }
    }

    private mutating func store(_ value: ParquetValue) {
        switch value {
        case .boolean(let value):
            if booleans % 8 == 0 { values.append(0) }
            if value { values[values.count - 1] |= 1 << UInt8(booleans % 8) }
            booleans += 1
        case .integer(let value):
            append(UInt64(bitPattern: value), count: column.type.stored == .int32 ? 4 : 8)
        case .float(let value): append(UInt64(value.bitPattern), count: 4)
        case .double(let value): append(value.bitPattern, count: 8)
        case .bytes(let bytes):
            append(UInt64(bytes.count), count: 4)
            values.append(contentsOf: bytes)
        case .null, .list: break
        }
    }

    private mutating func append(_ bits: UInt64, count: Int) {
        for index in 0..<count { values.append(UInt8(truncatingIfNeeded: bits >> UInt64(8 * index))) }
    }

    /// Ends the open page, if it has values.
    ///
    /// - Throws: ``CompressionError``.
    mutating func endPage(_ compression: ParquetWriter.Compression) throws(CompressionError) {
        guard openValues > 0 else { return }
        var content: [UInt8] = []
        if column.type.isList { content += repetition.finished() }
        if column.definitionLevel > 0 { content += definition.finished() }
        content += values
        let stored = compression == .none ? content : try Self.compressed(content)
        var header = ThriftWriter()
        header.structure { header in
            header.int32(1, 0)
            header.int32(2, content.count)
            header.int32(3, stored.count)
            header.structure(5) { header in
                header.int32(1, openValues)
                header.int32(2, 0)
                header.int32(3, 3)
                header.int32(4, 3)
            }
        }
        pages.append(header.bytes)
        pages.append(stored)
        pageSizes.uncompressed += header.bytes.count + content.count
        pageSizes.compressed += header.bytes.count + stored.count
        pageValues += openValues
        values.removeAll(keepingCapacity: values.capacity <= 4 << 20)
        (definition, repetition, booleans, openValues) = (LevelRuns(), LevelRuns(), 0, 0)
    }

    private static func compressed(_ bytes: [UInt8]) throws(CompressionError) -> [UInt8] {
        try bytes.span.bytes.withUnsafeBytes { bytes throws(CompressionError) in try Zstd.compress(bytes) }
    }

    /// Returns the finished pages and how they are described where they begin at `offset`, and begins a new chunk.
    mutating func takeChunk(offset: Int) -> (pages: [[UInt8]], description: ParquetWrittenChunk) {
        defer { (pages, pageSizes, pageValues) = ([], (0, 0), 0) }
        let description = ParquetWrittenChunk(
            offset: offset, values: pageValues, uncompressedSize: pageSizes.uncompressed,
            compressedSize: pageSizes.compressed)
        return (pages, description)
    }
}

/// Levels as runs of equal ones. All levels here fit two bits, so that one takes a byte.
private struct LevelRuns {
    private(set) var bytes: [UInt8] = []
    private var level = 0
    private var count = 0

    mutating func append(_ level: Int) {
        if level != self.level { endRun() }
        self.level = level
        count += 1
    }

    private mutating func endRun() {
        guard count > 0 else { return }
        var header = UInt64(count) << 1
        while header >= 0x80 {
            bytes.append(UInt8(truncatingIfNeeded: header) | 0x80)
            header >>= 7
        }
        bytes.append(UInt8(header))
        bytes.append(UInt8(level))
        count = 0
    }

    /// Returns the runs behind their size of 32 bits.
    mutating func finished() -> [UInt8] {
        endRun()
        return (0..<4).map { UInt8(truncatingIfNeeded: bytes.count >> (8 * $0)) } + bytes
    }
}
