import Pictures

/// Synthetic pictures: rectangles in random colors. The same number gives the same picture.
enum RandomPicture {
    private static let (width, height, rectangles) = (640, 480, 40)

    static func make(_ number: Int) -> RGBImage {
        var random = SystemIndependentRandom(state: UInt64(number))
        var pixels = [UInt8](repeating: 0, count: width * height * 3)
        for _ in 0..<rectangles {
            let columns = range(below: width, &random)
            let rows = range(below: height, &random)
            let color = (0..<3).map { _ in UInt8.random(in: 0...255, using: &random) }
            for row in rows {
                for column in columns {
                    for channel in 0..<3 { pixels[(row * width + column) * 3 + channel] = color[channel] }
                }
            }
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    private static func range(below end: Int, _ random: inout some RandomNumberGenerator) -> Range<Int> {
        let (one, other) = (Int.random(in: 0...end, using: &random), Int.random(in: 0...end, using: &random))
        return min(one, other)..<max(one, other)
    }

    /// Knuth's MMIX congruential generator; the high bits are good enough for colors.
    private struct SystemIndependentRandom: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            func step() -> UInt64 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return state >> 32
            }
            return step() << 32 | step()
        }
    }
}
