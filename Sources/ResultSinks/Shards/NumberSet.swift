/// A set of numbers from 0, which are dense: a bit each.
struct NumberSet {
    private static let chunkBits: Int64 = 4096
    private var chunks: [Int64: [UInt64]] = [:]

    mutating func insert(_ number: Int64) {
        let bit = Int(number % Self.chunkBits)
        chunks[number / Self.chunkBits, default: [UInt64](repeating: 0, count: Int(Self.chunkBits) / 64)][bit / 64] |=
            1 << UInt64(bit % 64)
    }

    func contains(_ number: Int64) -> Bool {
        guard let chunk = chunks[number / Self.chunkBits] else { return false }
        let bit = Int(number % Self.chunkBits)
        return chunk[bit / 64] >> UInt64(bit % 64) & 1 == 1
    }

    /// Returns whether all numbers of a range are in the set.
    func contains(allOf range: ClosedRange<Int64>) -> Bool {
        var number = range.lowerBound
        while true {
            let word = Int(number % Self.chunkBits) / 64
            if number % 64 == 0, range.upperBound - number >= 63 {
                guard chunks[number / Self.chunkBits]?[word] == .max else { return false }
                number += 63
            } else {
                guard contains(number) else { return false }
            }
            // The step is taken only where the range goes on: it may end with the largest number.
            guard number < range.upperBound else { return true }
            number += 1
        }
    }
}
