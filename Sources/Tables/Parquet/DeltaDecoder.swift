/// Reads integers that are stored as differences (DELTA_BINARY_PACKED): blocks of miniblocks, each packed to its own
/// width.
struct DeltaDecoder {
    private var bytes: ParquetBytes
    private let miniblocks: Int
    private let miniblockSize: Int
    /// The number of integers.
    let count: Int
    private var index = 0
    private var value: Int64
    private var minimum: Int64 = 0
    /// Where the widths of the block's miniblocks are.
    private var widths = 0
    private var miniblock: Int
    /// Where the miniblock begins, its width, and the next of its numbers.
    private var start = 0
    private var width = 0
    private var indexInMiniblock: Int

    /// - Throws: ``ParquetFault`` where the header is damaged.
    init(_ bytes: ParquetBytes) throws(ParquetFault) {
        var bytes = bytes
        let blockSize = try bytes.variable()
        let miniblocks = try bytes.variable()
        let count = try bytes.variable()
        value = try bytes.signedVariable()
        guard blockSize > 0, blockSize <= 1 << 24, miniblocks > 0, miniblocks <= blockSize,
            blockSize % miniblocks == 0, blockSize / miniblocks % 8 == 0, count <= Int32.max
        else {
            throw .malformed("differences come in \(miniblocks) parts of blocks of \(blockSize), \(count) in all")
        }
        self.bytes = bytes
        self.miniblocks = Int(miniblocks)
        self.count = Int(count)
        miniblockSize = Int(blockSize / miniblocks)
        miniblock = self.miniblocks
        indexInMiniblock = miniblockSize
    }

    mutating func next() throws(ParquetFault) -> Int64 {
        guard index < count else { throw .truncated }
        index += 1
        if index == 1 { return value }
        if indexInMiniblock == miniblockSize { try beginMiniblock() }
        let difference = try bytes.bits(from: start, bit: indexInMiniblock * width, width: width)
        indexInMiniblock += 1
        value = value &+ minimum &+ Int64(bitPattern: difference)
        return value
    }

    private mutating func beginMiniblock() throws(ParquetFault) {
        if miniblock == miniblocks {
            minimum = try bytes.signedVariable()
            widths = try bytes.take(miniblocks).lowerBound
            miniblock = 0
        }
        width = Int(bytes.bytes[widths + miniblock])
        guard width <= 64 else { throw .malformed("a difference has \(width) bits") }
        // Some writers cut the last miniblock; only numbers that are used must be there.
        start = try bytes.take(min(width * miniblockSize / 8, bytes.count)).lowerBound
        miniblock += 1
        indexInMiniblock = 0
    }

    /// Passes over the integers that are left, and returns the bytes behind them.
    consuming func rest() throws(ParquetFault) -> ParquetBytes {
        var left = count - max(index, 1)
        if left > 0, indexInMiniblock < miniblockSize { left -= miniblockSize - indexInMiniblock }
        while left > 0 {
            try beginMiniblock()
            left -= miniblockSize
        }
        return bytes
    }
}
