/// The encodings of the format, by their numbers.
enum ParquetEncoding: Int {
    case plain = 0
    case plainDictionary = 2
    case run = 3
    case bitPacked = 4
    case deltaBinaryPacked = 5
    case deltaLengthByteArray = 6
    case deltaByteArray = 7
    case runDictionary = 8
    case byteStreamSplit = 9

    private static let names = [
        0: "PLAIN", 2: "PLAIN_DICTIONARY", 3: "RLE", 4: "BIT_PACKED", 5: "DELTA_BINARY_PACKED",
        6: "DELTA_LENGTH_BYTE_ARRAY", 7: "DELTA_BYTE_ARRAY", 8: "RLE_DICTIONARY", 9: "BYTE_STREAM_SPLIT",
    ]

    /// The name of the encoding with a number, for a message.
    static func name(_ number: Int) -> String { names[number] ?? "number \(number)" }
}

/// The levels and values of a data page, read from front to back. A copy reads on from where the original was.
struct ParquetPage {
    /// The levels of the next value or null; nil where the column has none.
    private var repetition: HybridDecoder?
    private var definition: HybridDecoder?
    private var values: any ValueDecoder
    private let definitionLevel: Int
    /// The number of values and nulls that are left.
    private(set) var left: Int

    /// - Parameters:
    ///   - levels: the levels, and in a page of version 1 the values behind them.
    ///   - values: the values of a page of version 2.
    /// - Throws: ``ParquetFault``.
    init(
        _ header: ParquetPageHeader, column: ParquetColumn, levels: ParquetBytes, values: ParquetBytes?,
        dictionary: ParquetDictionary?, limits: ParquetLimits
    ) throws(ParquetFault) {
        var levels = levels
        repetition = try Self.levels(
            &levels, maximum: column.repetitionLevel, encoding: header.repetitionEncoding,
            size: values == nil ? nil : header.repetitionSize)
        definition = try Self.levels(
            &levels, maximum: column.definitionLevel, encoding: header.definitionEncoding,
            size: values == nil ? nil : header.definitionSize)
        self.values = try Self.decoder(
            values ?? levels, header: header, column: column, dictionary: dictionary, limits: limits)
        definitionLevel = column.definitionLevel
        left = header.values
    }

    /// Reads the levels' place. In a page of version 1 their size stands before them, if there are any.
    private static func levels(
        _ bytes: inout ParquetBytes, maximum: Int, encoding: Int, size: Int?
    ) throws(ParquetFault) -> HybridDecoder? {
        guard maximum > 0 || size != nil else { return nil }
        guard encoding == ParquetEncoding.run.rawValue else {
            throw .unsupported("levels in the encoding \(ParquetEncoding.name(encoding))")
        }
        let count = if let size { size } else { Int(try bytes.littleEndian(4)) }
        let range = try bytes.take(count)
        guard maximum > 0 else { return nil }
        let width = Int.bitWidth - maximum.leadingZeroBitCount
        return HybridDecoder(ParquetBytes(bytes.bytes, range), width: width)
    }

    private static func decoder(
        _ bytes: ParquetBytes, header: ParquetPageHeader, column: ParquetColumn, dictionary: ParquetDictionary?,
        limits: ParquetLimits
    ) throws(ParquetFault) -> any ValueDecoder {
        let type = column.type
        switch (ParquetEncoding(rawValue: header.encoding), type) {
        case (.plain, .byteArray): return PlainBytesDecoder(bytes: bytes)
        case (.plain, .boolean): return PlainBooleanDecoder(bytes: bytes)
        case (.plain, _): return PlainFixedDecoder(bytes: bytes, type: type, size: column.valueSize ?? 1)
        case (.plainDictionary, _), (.runDictionary, _):
            guard let dictionary else { throw .malformed("there is no dictionary before the page") }
            var bytes = bytes
            // A page of nulls may have no bytes at all.
            let width = bytes.count == 0 ? 0 : Int(try bytes.byte())
            guard width <= 32 else { throw .malformed("indices have \(width) bits") }
            return DictionaryDecoder(dictionary: dictionary, indices: HybridDecoder(bytes, width: width))
        case (.run, .boolean):
            var bytes = bytes
            let range = bytes.count == 0 ? 0..<0 : try bytes.take(Int(try bytes.littleEndian(4)))
            return RunBooleanDecoder(runs: HybridDecoder(ParquetBytes(bytes.bytes, range), width: 1))
        case (.deltaBinaryPacked, .int32), (.deltaBinaryPacked, .int64):
            return DeltaIntegerDecoder(integers: try DeltaDecoder(bytes), type: type)
        case (.deltaLengthByteArray, .byteArray): return try DeltaLengthDecoder(bytes)
        case (.deltaByteArray, .byteArray), (.deltaByteArray, .fixedLengthByteArray):
            return try DeltaBytesDecoder(bytes, maximumSize: limits.pageSize)
        case (.byteStreamSplit, .int32), (.byteStreamSplit, .int64), (.byteStreamSplit, .float),
            (.byteStreamSplit, .double), (.byteStreamSplit, .fixedLengthByteArray):
            return try SplitDecoder(bytes, type: type, size: column.valueSize ?? 1)
        default: throw .unsupported("values of the type \(type)")
        }
    }

    /// Reads the next value of a column without lists.
    ///
    /// - Throws: ``ParquetFault``.
    mutating func next() throws(ParquetFault) -> ParquetValue {
        let level = try nextDefinition()
        return level == definitionLevel ? try value() : .null
    }

    /// Passes over values of a column without lists.
    ///
    /// - Throws: ``ParquetFault``.
    mutating func skip(_ count: Int) throws(ParquetFault) {
        guard count <= left else { throw .truncated }
        left -= count
        var present = count
        if var levels = definition {
            present = try levels.skip(count, counting: definitionLevel)
            definition = levels
        }
        try values.skip(present)
    }

    /// Reads the repetition level of the next value; 0 begins a row.
    ///
    /// - Throws: ``ParquetFault``.
    mutating func nextRepetition() throws(ParquetFault) -> Int { try repetition?.next() ?? 0 }

    /// Reads the definition level of the next value.
    ///
    /// - Throws: ``ParquetFault``.
    mutating func nextDefinition() throws(ParquetFault) -> Int {
        guard left > 0 else { throw .truncated }
        left -= 1
        guard definition != nil else { return definitionLevel }
        let level = try definition?.next() ?? 0
        guard level <= definitionLevel else { throw .malformed("a value has the level \(level) of \(definitionLevel)") }
        return level
    }

    /// Reads the value whose definition level said that it is there.
    ///
    /// - Throws: ``ParquetFault``.
    mutating func value() throws(ParquetFault) -> ParquetValue { try values.next() }
}
