import CImageCodecs

/// Pillow's resizing of 8-bit pictures, to the bit.
///
/// Two passes with fixed-point weights and an 8-bit picture between them; the aspect ratio is not kept. A pass whose
/// size does not change is left out. Source: Pillow's `Resample.c`; of the nearest neighbor, `Geometry.c`.
package enum PillowResampling {
    /// Resizes a picture to the square that a model takes.
    package static func resize(_ image: RGBImage, toSide side: Int, filter: PillowFilter = .bicubic) -> RGBImage {
        resize(image, toWidth: side, height: side, filter: filter)
    }

    /// Resizes a picture to a width and a height in pixels.
    ///
    /// - Precondition: both sizes are at least 1.
    package static func resize(
        _ image: RGBImage, toWidth width: Int, height: Int, filter: PillowFilter = .bicubic
    ) -> RGBImage {
        precondition(width > 0 && height > 0)
        if width == image.width && height == image.height { return image }
        guard let kernel = filter.kernel else { return nearest(image, width: width, height: height) }
        // Pillow 13 resamples columns first where the height shrinks by more than twice as many pixels as the width. The
        // rule is not documented; experiments on thousands of sizes confirm it.
        let lostRows = image.height - height
        let columnsFirst = lostRows > 0 && lostRows > 2 * (image.width - width)
        if columnsFirst {
            return resampleRows(resampleColumns(image, to: height, kernel), to: width, kernel)
        }
        return resampleColumns(resampleRows(image, to: width, kernel), to: height, kernel)
    }

    private static func resampleRows(
        _ image: RGBImage, to width: Int, _ kernel: PillowFilter.Kernel
    ) -> RGBImage {
        guard width != image.width else { return image }
        let filter = Coefficients(from: image.width, to: width, kernel)
        let pixels = [UInt8](unsafeUninitializedCapacity: width * image.height * 3) { output, count in
            pg_resample_rows(
                image.pixels, image.height, image.width, output.baseAddress, width, filter.starts, filter.counts,
                filter.weights, filter.taps)
            count = output.count
        }
        return RGBImage(width: width, height: image.height, pixels: pixels)
    }

    private static func resampleColumns(
        _ image: RGBImage, to height: Int, _ kernel: PillowFilter.Kernel
    ) -> RGBImage {
        guard height != image.height else { return image }
        let filter = Coefficients(from: image.height, to: height, kernel)
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

extension PillowResampling {
    /// Takes for each pixel the one in whose place its center falls.
    private static func nearest(_ image: RGBImage, width: Int, height: Int) -> RGBImage {
        let (columns, rows) = (places(image.width, width), places(image.height, height))
        var pixels: [UInt8] = []
        pixels.reserveCapacity(width * height * 3)
        for row in rows {
            for column in columns {
                let start = (row * image.width + column) * 3
                pixels.append(contentsOf: image.pixels[start..<start + 3])
            }
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    /// The input sample of each output sample. The place is added up, as Pillow does it, which rounds at every step.
    private static func places(_ input: Int, _ output: Int) -> [Int] {
        let step = Double(input) / Double(output)
        var place = step * 0.5
        return (0..<output).map { _ in
            defer { place += step }
            return min(Int(place), input - 1)
        }
    }
}

extension PillowResampling {
    /// The weights of one axis: output sample `i` is made of `counts[i]` input samples from `starts[i]` on.
    package struct Coefficients {
        /// Maximum number of weights of an output sample; the row length of `weights`.
        package let taps: Int
        package private(set) var starts: [Int32]
        package private(set) var counts: [Int32]
        /// [output samples, taps], fixed-point with 22 fraction bits.
        package private(set) var weights: [Int32]

        package init(from input: Int, to output: Int, _ kernel: PillowFilter.Kernel) {
            let scale = Double(input) / Double(output)
            let filterScale = max(scale, 1)
            let support = kernel.support * filterScale
            let reciprocal = 1 / filterScale
            taps = Int(support.rounded(.up)) * 2 + 1
            starts = []
            counts = []
            weights = [Int32](repeating: 0, count: output * taps)
            for index in 0..<output {
                let center = (Double(index) + 0.5) * scale
                let first = max(Int(center - support + 0.5), 0)
                let end = min(Int(center + support + 0.5), input)
                let raw = (first..<end).map { kernel.weight((Double($0) - center + 0.5) * reciprocal) }
                let sum = raw.reduce(0, +)
                for (tap, weight) in raw.enumerated() {
                    weights[index * taps + tap] = Coefficients.fixedPoint(sum == 0 ? weight : weight / sum)
                }
                starts.append(Int32(first))
                counts.append(Int32(end - first))
            }
        }

        /// Rounds half away from zero.
        private static func fixedPoint(_ weight: Double) -> Int32 {
            let scaled = weight * Double(1 << 22)
            return Int32(scaled < 0 ? scaled - 0.5 : scaled + 0.5)
        }
    }
}
