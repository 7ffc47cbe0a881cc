/// Reads the values of a page, without nulls, from front to back.
protocol ValueDecoder {
    mutating func next() throws(ParquetFault) -> ParquetValue
    mutating func skip(_ count: Int) throws(ParquetFault)
}

extension ValueDecoder {
    mutating func skip(_ count: Int) throws(ParquetFault) {
        for _ in 0..<count { _ = try next() }
    }
}

/// Makes a value of the bytes of a number or of a value of fixed length.
func fixedValue(_ type: ParquetType, _ bytes: some Collection<UInt8>) -> ParquetValue {
    var bits: UInt64 = 0
    if bytes.count <= 8 { for (index, byte) in bytes.enumerated() { bits |= UInt64(byte) << UInt64(8 * index) } }
    return switch type {
    case .int32: .integer(Int64(Int32(truncatingIfNeeded: bits)))
    case .int64: .integer(Int64(bitPattern: bits))
    case .float: .float(Float(bitPattern: UInt32(truncatingIfNeeded: bits)))
    case .double: .double(Double(bitPattern: bits))
    case .boolean: .boolean(bits & 1 == 1)
    case .int96, .byteArray, .fixedLengthByteArray: .bytes(Array(bytes))
    }
}

extension ParquetColumn {
    /// Size of a value in bytes; nil for booleans, which have a bit, and for bytes of any length.
    var valueSize: Int? {
        switch type {
        case .boolean, .byteArray: nil
        case .int32, .float: 4
        case .int64, .double: 8
        case .int96: 12
        case .fixedLengthByteArray: length
        }
    }
}

/// Numbers and values of fixed length, one after the other.
struct PlainFixedDecoder: ValueDecoder {
    var bytes: ParquetBytes
    let type: ParquetType
    let size: Int

    mutating func next() throws(ParquetFault) -> ParquetValue { fixedValue(type, bytes.bytes[try bytes.take(size)]) }

    mutating func skip(_ count: Int) throws(ParquetFault) {
        guard count <= bytes.count / size else { throw .truncated }
        _ = try bytes.take(count * size)
    }
}

/// Bytes of any length, each value behind its length of 32 bits.
struct PlainBytesDecoder: ValueDecoder {
    var bytes: ParquetBytes

    mutating func next() throws(ParquetFault) -> ParquetValue { .bytes(Array(bytes.bytes[try range()])) }

    mutating func skip(_ count: Int) throws(ParquetFault) {
        for _ in 0..<count { _ = try range() }
    }

    /// Passes over a value, and returns where it is.
    mutating func range() throws(ParquetFault) -> Range<Int> { try bytes.take(Int(try bytes.littleEndian(4))) }
}

/// Booleans of one bit.
struct PlainBooleanDecoder: ValueDecoder {
    let bytes: ParquetBytes
    private var index = 0

    init(bytes: ParquetBytes) { self.bytes = bytes }

    mutating func next() throws(ParquetFault) -> ParquetValue {
        defer { index += 1 }
        return .boolean(try bytes.bits(from: bytes.position, bit: index, width: 1) == 1)
    }
}

/// Booleans in runs.
struct RunBooleanDecoder: ValueDecoder {
    var runs: HybridDecoder

    mutating func next() throws(ParquetFault) -> ParquetValue { .boolean(try runs.next() != 0) }
}

/// Indices into a dictionary.
struct DictionaryDecoder: ValueDecoder {
    let dictionary: ParquetDictionary
    var indices: HybridDecoder

    mutating func next() throws(ParquetFault) -> ParquetValue { try dictionary.value(try indices.next()) }

    mutating func skip(_ count: Int) throws(ParquetFault) { _ = try indices.skip(count, counting: 0) }
}

/// Integers as differences.
struct DeltaIntegerDecoder: ValueDecoder {
    var integers: DeltaDecoder
    let type: ParquetType

    mutating func next() throws(ParquetFault) -> ParquetValue {
        let value = try integers.next()
        return .integer(type == .int32 ? Int64(Int32(truncatingIfNeeded: value)) : value)
    }
}

/// Bytes of any length behind all their lengths (DELTA_LENGTH_BYTE_ARRAY).
struct DeltaLengthDecoder: ValueDecoder {
    private var lengths: DeltaDecoder
    private var bytes: ParquetBytes

    init(_ bytes: ParquetBytes) throws(ParquetFault) {
        lengths = try DeltaDecoder(bytes)
        self.bytes = try lengths.rest()
    }

    mutating func next() throws(ParquetFault) -> ParquetValue { .bytes(Array(bytes.bytes[try range()])) }

    mutating func skip(_ count: Int) throws(ParquetFault) {
        for _ in 0..<count { _ = try range() }
    }

    mutating func suffix() throws(ParquetFault) -> ArraySlice<UInt8> { bytes.bytes[try range()] }

    private mutating func range() throws(ParquetFault) -> Range<Int> {
        let length = try lengths.next()
        guard length >= 0, length <= Int64(Int32.max) else { throw .malformed("a value has \(length) bytes") }
        return try bytes.take(Int(length))
    }
}

/// Bytes of any length, each as what it shares with the value before and what it does not (DELTA_BYTE_ARRAY).
struct DeltaBytesDecoder: ValueDecoder {
    private var prefixes: DeltaDecoder
    private var suffixes: DeltaLengthDecoder
    private var previous: [UInt8] = []
    private let maximumSize: Int

    /// - Parameter maximumSize: of a value, in bytes: a page of values that grow has many times its own size in values.
    init(_ bytes: ParquetBytes, maximumSize: Int) throws(ParquetFault) {
        prefixes = try DeltaDecoder(bytes)
        suffixes = try DeltaLengthDecoder(try prefixes.rest())
        self.maximumSize = maximumSize
    }

    mutating func next() throws(ParquetFault) -> ParquetValue {
        try advance()
        return .bytes(previous)
    }

    mutating func skip(_ count: Int) throws(ParquetFault) {
        for _ in 0..<count { try advance() }
    }

    private mutating func advance() throws(ParquetFault) {
        let prefix = try prefixes.next()
        guard prefix >= 0, prefix <= Int64(previous.count) else {
            throw .malformed("a value shares \(prefix) bytes with one of \(previous.count)")
        }
        let suffix = try suffixes.suffix()
        guard Int(prefix) + suffix.count <= maximumSize else {
            throw .malformed("a value is larger than a page may be")
        }
        previous.removeLast(previous.count - Int(prefix))
        previous.append(contentsOf: suffix)
    }
}

/// Numbers whose first bytes come first, then all second bytes, and so on (BYTE_STREAM_SPLIT).
struct SplitDecoder: ValueDecoder {
    private let bytes: ParquetBytes
    private let type: ParquetType
    private let size: Int
    private let count: Int
    private var index = 0

    init(_ bytes: ParquetBytes, type: ParquetType, size: Int) throws(ParquetFault) {
        guard bytes.count % size == 0 else { throw .malformed("\(bytes.count) bytes are no values of \(size) bytes") }
        self.bytes = bytes
        self.type = type
        self.size = size
        count = bytes.count / size
    }

    mutating func next() throws(ParquetFault) -> ParquetValue {
        guard index < count else { throw .truncated }
        defer { index += 1 }
        return fixedValue(type, (0..<size).map { bytes.bytes[bytes.position + $0 * count + index] })
    }

    mutating func skip(_ count: Int) throws(ParquetFault) {
        guard count <= self.count - index else { throw .truncated }
        index += count
    }
}
