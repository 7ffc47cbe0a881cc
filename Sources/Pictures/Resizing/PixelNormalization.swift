/// 8-bit samples to the numbers that the vision tower was trained on, -1 to 1.
package enum PixelNormalization {
    /// The value of each of the 256 samples, as the public processor computes it: x * (1/255) in double precision,
    /// stored as float, then (x - 0.5) / 0.5 in float.
    package static let table: [Float] = (0...255).map { sample in
        let rescaled = Float(Double(sample) * (1.0 / 255.0))
        return (rescaled - 0.5) / 0.5
    }
}
