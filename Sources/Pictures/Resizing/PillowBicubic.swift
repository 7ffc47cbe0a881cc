import CImageCodecs

/// Pillow's antialiased bicubic resizing of 8-bit pictures, to the bit.
///
/// Two passes with fixed-point weights and an 8-bit picture between them; the aspect ratio is not kept. A pass whose
/// size does not change is left out. Source: Pillow's `Resample.c`.
package enum PillowBicubic {
    /// Resizes a picture to the square that a model takes.
    package static func resize(_ image: RGBImage, toSide side: Int) -> RGBImage {
        resize(image, toWidth: side, height: side)
    }

    /// Resizes a picture to a width and a height in pixels.
    ///
    /// - Precondition: both sizes are at least 1.
    package static func resize(_ image: RGBImage, toWidth width: Int, height: Int) -> RGBImage {
        precondition(width > 0 && height > 0)
        // Pillow 13 resamples columns first where the height shrinks by more than twice as many pixels as the width. The
        // rule is not documented; experiments on thousands of sizes confirm it.
        let lostRows = image.height - height
        let columnsFirst = lostRows > 0 && lostRows > 2 * (image.width - width)
        if columnsFirst {
            return resampleRows(resampleColumns(image, to: height), to: width)
        }
        return resampleColumns(resampleRows(image, to: width), to: height)
    }

    private static func resampleRows(_ image: RGBImage, to width: Int) -> RGBImage {
        guard width != image.width else { return image }
        let filter = Coefficients(from: image.width, to: width)
        let pixels = [UInt8](unsafeUninitializedCapacity: width * image.height * 3) { output, count in
            pg_resample_rows(
                image.pixels, image.height, image.width, output.baseAddress, width, filter.starts, filter.counts,
                filter.weights, filter.taps)
            count = output.count
        }
        return RGBImage(width: width, height: image.height, pixels: pixels)
    }

    private static func resampleColumns(_ image: RGBImage, to height: Int) -> RGBImage {
        guard height != image.height else { return image }
        let filter = Coefficients(from: image.height, to: height)
        let rowBytes = image.width * 3
        let pixels = [UInt8](unsafeUninitializedCapacity: rowBytes * height) { output, count in
            withUnsafeTemporaryAllocation(of: Int32.self, capacity: rowBytes) { sums in
                pg_resample_columns(
                    image.pixels, rowBytes, output.baseAddress, height, filter.starts, filter.counts, filter.weights,
                    filter.taps, sums.baseAddress)
            }
            count = output.count
        }
        return RGBImage(width: image.width, height: height, pixels: pixels)
    }
}

extension PillowBicubic {
    /// The weights of one axis: output sample `i` is made of `counts[i]` input samples from `starts[i]` on.
    package struct Coefficients {
        /// Maximum number of weights of an output sample; the row length of `weights`.
        package let taps: Int
        package private(set) var starts: [Int32]
        package private(set) var counts: [Int32]
        /// [output samples, taps], fixed-point with 22 fraction bits.
        package private(set) var weights: [Int32]

        package init(from input: Int, to output: Int) {
            let scale = Double(input) / Double(output)
            let filterScale = max(scale, 1)
            let support = 2 * filterScale
            let reciprocal = 1 / filterScale
            taps = Int(support.rounded(.up)) * 2 + 1
            starts = []
            counts = []
            weights = [Int32](repeating: 0, count: output * taps)
            for index in 0..<output {
                let center = (Double(index) + 0.5) * scale
                let first = max(Int(center - support + 0.5), 0)
                let end = min(Int(center + support + 0.5), input)
                let raw = (first..<end).map { Coefficients.cubic((Double($0) - center + 0.5) * reciprocal) }
                let sum = raw.reduce(0, +)
                for (tap, weight) in raw.enumerated() {
                    weights[index * taps + tap] = Coefficients.fixedPoint(sum == 0 ? weight : weight / sum)
                }
                starts.append(Int32(first))
                counts.append(Int32(end - first))
            }
        }

        /// The bicubic kernel with a = -1/2.
        private static func cubic(_ distance: Double) -> Double {
            let a = -0.5
            let u = abs(distance)
            if u < 1 { return ((a + 2) * u - (a + 3)) * u * u + 1 }
            if u < 2 { return (((u - 5) * u + 8) * u - 4) * a }
            return 0
        }

        /// Rounds half away from zero.
        private static func fixedPoint(_ weight: Double) -> Int32 {
            let scaled = weight * Double(1 << 22)
            return Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
        }
    }
}
