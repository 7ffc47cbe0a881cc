/// A counter-based random number generator: Philox 4x32 with ten rounds (Salmon and others, "Parallel random numbers: as
/// easy as 1, 2, 3", 2011). A number depends only on the seed and the counter, so the sample of a step is the same in any
/// batch, on any rank and in any order.
package struct Philox: Sendable {
    private let key: (UInt32, UInt32)

    package init(seed: UInt64) {
        key = (UInt32(truncatingIfNeeded: seed), UInt32(truncatingIfNeeded: seed >> 32))
    }

    /// Returns the four random words of a counter.
    package func block(_ counter: SIMD4<UInt32>) -> SIMD4<UInt32> {
        var (c, k) = (counter, key)
        for _ in 0..<10 {
            let first = c.x.multipliedFullWidth(by: 0xD251_1F53)
            let second = c.z.multipliedFullWidth(by: 0xCD9E_8D57)
            c = SIMD4(second.high ^ c.y ^ k.0, second.low, first.high ^ c.w ^ k.1, first.low)
            k = (k.0 &+ 0x9E37_79B9, k.1 &+ 0xBB67_AE85)
        }
        return c
    }

    /// A number of [0, 1) with 53 random bits, one a step.
    package func uniform(step: Int) -> Double {
        let block = block(SIMD4(UInt32(truncatingIfNeeded: step), UInt32(truncatingIfNeeded: step >> 32), 0, 0))
        return Double(UInt64(block.x) << 21 | UInt64(block.y) >> 11) * 0x1p-53
    }
}
