/// TensorFlow's bilinear resizing (`tf.image.resize`), as the original code of the model (big_vision) prepares pictures:
/// in float32, the result clipped and truncated to 8 bits. It differs from Pillow's: without antialiasing, four pixels
/// are interpolated to one; with antialiasing, rows are resampled before columns. The tests compare with stored results
/// of TensorFlow.
package enum BigVisionBilinear {
    /// Resizes a picture to the square that a model takes; the aspect ratio is not kept.
    ///
    /// - Parameters:
    ///   - side: in pixels, at least 1.
    ///   - antialias: whether an output pixel is a weighted mean of all pixels that it covers.
    package static func resize(_ image: RGBImage, toSide side: Int, antialias: Bool) -> RGBImage {
        precondition(side > 0)
        return antialias ? averaged(image, side) : interpolated(image, side)
    }

    /// Rounds towards zero, as TensorFlow's cast to uint8 does.
    private static func byte(_ value: Float) -> UInt8 { UInt8(min(max(value, 0), 255)) }
}

// MARK: Without antialiasing: interpolation between four pixels

extension BigVisionBilinear {
    /// Where an output sample lies between two input samples.
    private struct Interpolation {
        let lower: Int
        let upper: Int
        let fraction: Float

        static func table(from input: Int, to output: Int) -> [Interpolation] {
            let scale = Float(input) / Float(output)
            return (0..<output).map { index in
                let source = (Float(index) + 0.5) * scale - 0.5
                let floor = source.rounded(.down)
                return Interpolation(
                    lower: max(Int(floor), 0), upper: min(Int(source.rounded(.up)), input - 1), fraction: source - floor
                )
            }
        }
    }

    private static func interpolated(_ image: RGBImage, _ side: Int) -> RGBImage {
        let columns = Interpolation.table(from: image.width, to: side)
        let rows = Interpolation.table(from: image.height, to: side)
        let pixels = image.pixels.withUnsafeBufferPointer { input in
            [UInt8](unsafeUninitializedCapacity: side * side * 3) { output, count in
                for row in rows {
                    let (top, bottom) = (row.lower * image.width, row.upper * image.width)
                    for column in columns {
                        for channel in 0..<3 {
                            func sample(_ line: Int, _ x: Int) -> Float { Float(input[(line + x) * 3 + channel]) }
                            let (left, right) = (column.lower, column.upper)
                            let above = sample(top, left) + (sample(top, right) - sample(top, left)) * column.fraction
                            let below =
                                sample(bottom, left) + (sample(bottom, right) - sample(bottom, left)) * column.fraction
                            output[count] = byte(above + (below - above) * row.fraction)
                            count += 1
                        }
                    }
                }
            }
        }
        return RGBImage(width: side, height: side, pixels: pixels)
    }
}

// MARK: With antialiasing: a weighted mean of all covered pixels

extension BigVisionBilinear {
    /// The weights of one axis: output sample `i` is the weighted sum of the input samples from `starts[i]` on, one for
    /// each of `weights[i]`.
    private struct Spans {
        private(set) var starts: [Int] = []
        private(set) var weights: [[Float]] = []

        init(from input: Int, to output: Int) {
            // TensorFlow passes the scale to the operation, which inverts it: two float32 roundings.
            let inverse = 1 / (Float(output) / Float(input))
            let width = max(inverse, 1)
            let reciprocal = 1 / width
            for index in 0..<output {
                let center = (Float(index) + 0.5) * inverse
                let last = input - 1
                let start = min(max(Int((center - width - 0.5).rounded(.up)), 0), last)
                let end = min(max(Int((center + width - 0.5).rounded(.down)), 0), last)
                let raw = (start...end).map { max(0, 1 - abs((Float($0) + 0.5 - center) * reciprocal)) }
                let total = raw.reduce(0, +)
                starts.append(start)
                weights.append(raw.map { $0 * (1 / total) })
            }
        }
    }

    private static func averaged(_ image: RGBImage, _ side: Int) -> RGBImage {
        let line = image.width * 3
        let rows = Spans(from: image.height, to: side)
        var resampled = [Float](repeating: 0, count: side * line)
        image.pixels.withUnsafeBufferPointer { input in
            resampled.withUnsafeMutableBufferPointer { output in
                for y in 0..<side {
                    for (offset, weight) in rows.weights[y].enumerated() {
                        let source = (rows.starts[y] + offset) * line
                        for x in 0..<line { output[y * line + x] += weight * Float(input[source + x]) }
                    }
                }
            }
        }
        let columns = Spans(from: image.width, to: side)
        let pixels = resampled.withUnsafeBufferPointer { input in
            [UInt8](unsafeUninitializedCapacity: side * side * 3) { output, count in
                for y in 0..<side {
                    for x in 0..<side {
                        var sum: (Float, Float, Float) = (0, 0, 0)
                        for (offset, weight) in columns.weights[x].enumerated() {
                            let source = y * line + (columns.starts[x] + offset) * 3
                            sum.0 += weight * input[source]
                            sum.1 += weight * input[source + 1]
                            sum.2 += weight * input[source + 2]
                        }
                        output[count] = byte(sum.0)
                        output[count + 1] = byte(sum.1)
                        output[count + 2] = byte(sum.2)
                        count += 3
                    }
                }
            }
        }
        return RGBImage(width: side, height: side, pixels: pixels)
    }
}
