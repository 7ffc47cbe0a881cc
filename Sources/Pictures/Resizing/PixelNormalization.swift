/// Maps 8-bit samples to the numbers that the vision tower was trained on, -1 to 1.
package enum PixelNormalization {
    /// The value of each of the 256 samples, as the processor of transformers computes it: x * (1/255) in float64, rounded
    /// to float32, then (x - 0.5) / 0.5 in float32.
    package static let table: [Float] = (0...255).map { sample in
        let rescaled = Float(Double(sample) * (1.0 / 255.0))
        return (rescaled - 0.5) / 0.5
    }
}
