/// Reads small numbers that are stored as runs of one number or as groups of eight, packed to `width` bits: levels, and
/// indices into dictionaries.
struct HybridDecoder {
    private var bytes: ParquetBytes
    private let width: Int
    private var left = 0
    private var isPacked = false
    /// The number of a run.
    private var value = 0
    /// Where the numbers of a packed run begin, and the next of them.
    private var packedStart = 0
    private var packedIndex = 0

    /// - Parameter width: bits of a number, at most 32.
    init(_ bytes: ParquetBytes, width: Int) {
        self.bytes = bytes
        self.width = width
    }

    private mutating func beginRun() throws(ParquetFault) {
        let header = try bytes.variable()
        isPacked = header & 1 == 1
        let size = Int(header >> 1)
        if isPacked {
            // No page has more values than 31 bits count.
            guard size <= 1 << 28 else { throw .malformed("a packed run has \(size) groups") }
            left = size * 8
            packedIndex = 0
            // Some writers cut the last group; only numbers that are used must be there.
            packedStart = try bytes.take(min(size * width, bytes.count)).lowerBound
        } else {
            left = size
            value = Int(try bytes.littleEndian((width + 7) / 8))
        }
    }

    mutating func next() throws(ParquetFault) -> Int {
        while left == 0 { try beginRun() }
        left -= 1
        guard isPacked else { return value }
        defer { packedIndex += 1 }
        return Int(try bytes.bits(from: packedStart, bit: packedIndex * width, width: width))
    }

    /// Passes over numbers, and returns how many of them equal `number`.
    mutating func skip(_ count: Int, counting number: Int) throws(ParquetFault) -> Int {
        var (passed, found) = (0, 0)
        while passed < count {
            while left == 0 { try beginRun() }
            if isPacked {
                found += try next() == number ? 1 : 0
                passed += 1
            } else {
                let step = min(left, count - passed)
                left -= step
                passed += step
                found += value == number ? step : 0
            }
        }
        return found
    }
}
