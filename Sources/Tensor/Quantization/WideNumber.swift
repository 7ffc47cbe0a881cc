/// An outlier's quantized value in two bytes: value = low + (levels + 1) · (high - zero).
package struct WideNumber {
    package let low: UInt8
    /// Its zero point is ``zero(_:)``.
    package let high: UInt8

    /// Quantizes a value; one that two bytes cannot hold is clipped.
    ///
    /// - Parameters:
    ///   - value: in steps of the row, the row's zero point included.
    ///   - levels: the largest value of a byte.
    package init(_ value: Float, levels: Int) {
        let base = levels + 1
        let maximum = Float(base * (base / 2 - 1))
        let whole = Int(max(-maximum, min(maximum, value.rounded(.toNearestOrEven))))
        let high = (whole + base * (base / 2)) / base
        low = UInt8(whole + base * (base / 2) - high * base)
        self.high = UInt8(high)
    }

    /// Returns the zero point of the high bytes.
    package static func zero(_ levels: Int) -> Float { Float((levels + 1) / 2) }

    /// Returns the value that takes an outlier's place while its row is quantized. It keeps the step of the row large
    /// enough for the outlier's high byte.
    static func placeholder(of value: Float, levels: Int) -> Float { value / (0.4 * Float(levels)) }
}
