/// Cuts square pictures into rows of patch values, so that SigLIP's convolution becomes one product.
struct PatchCutter: Sendable {
    let side: Int
    let patch: Int
    let grid: Int
    /// The value of each sample of each channel, [3, 256].
    let samples: [Float]

    init(_ configuration: VisionConfiguration) {
        side = configuration.imageSize
        patch = configuration.patch
        grid = configuration.grid
        samples = configuration.preprocessing.table
    }

    /// The values of one patch in the order channel, y, x, as the convolution's weights have them.
    ///
    /// - Parameters:
    ///   - token: the patch, row by row over the grid.
    ///   - picture: side·side·3 bytes, rows of RGB.
    func cut(_ token: Int, of picture: [UInt8], into values: UnsafeMutablePointer<Float>) {
        let (top, left) = (token / grid * patch, token % grid * patch)
        samples.withUnsafeBufferPointer { table in
            picture.withUnsafeBufferPointer { pixels in
                var next = values
                for channel in 0..<3 {
                    for y in top..<top + patch {
                        var source = (y * side + left) * 3 + channel
                        for _ in 0..<patch {
                            next.pointee = table[channel << 8 | Int(pixels[source])]
                            next += 1
                            source += 3
                        }
                    }
                }
            }
        }
    }
}
