package enum PixelNormalization {
    package static let table: [Float] = (0..<256).map { (Float(Double($0) * (1 / 255.0)) - 0.5) / 0.5 }
}
