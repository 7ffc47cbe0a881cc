import CKernels

/// Columns of an input that are far larger than the rest, as trained models have them: one step for all would leave
/// nothing of the small ones. The numbers of such a column get two bytes: the low one stands among the others, the high
/// one in a block of its own, whose weights are gathered for it.
struct OutlierColumns: @unchecked Sendable {
    // @unchecked: a view of memory of `QuantizedRows`, filled before it is read.

    /// A column counts as one where its mean is so many times that of all columns; with few rows, where a mean says
    /// less, more is asked for.
    private static func threshold(rows: Int) -> Float { 4 + 8 / Float(rows) }
    /// Rows that are looked at.
    private static let sampleRows = 32
    /// Most of a block. With few rows their weights cost as much as the others'.
    static func most(rows: Int) -> Int { rows <= Linear.fewRows ? 8 : largest }
    static let largest = 16

    /// Places in the block, counted from its first group, in ascending order.
    let places: UnsafePointer<UInt32>
    let count: Int
    /// Places before the block's first column.
    private let lead: Int

    var isEmpty: Bool { count == 0 }
    var groups: Int { (count + QuantizedShape.group - 1) / QuantizedShape.group }
    /// A column in x, counted from the block's first.
    func column(_ index: Int) -> Int { Int(places[index]) - lead }

    /// The outliers of a block's columns x [T, inputs of the block], the largest where there are many.
    ///
    /// - Parameters:
    ///   - most: at most so many.
    ///   - memory: for `largest` places.
    ///   - scratch: for as many floats as x has columns.
    init(
        _ x: MatrixView, lead: Int, most: Int, memory: UnsafeMutablePointer<UInt32>,
        scratch: UnsafeMutablePointer<Float>, kernels: Kernels
    ) {
        let rows = min(x.rows, Self.sampleRows)
        kernels.int8.pointee.weigh_columns(x.base, rows, x.stride * (x.rows / rows), x.columns, scratch)
        var threshold = Self.threshold(rows: rows)
        var found = 0
        for column in 0..<x.columns where scratch[column] > threshold {
            if found < most {
                memory[found] = UInt32(column)
                found += 1
            } else {
                // The smallest makes room; what follows it moves up, so that the order stays.
                var smallest = 0
                for index in 1..<found where scratch[Int(memory[index])] < scratch[Int(memory[smallest])] {
                    smallest = index
                }
                threshold = scratch[Int(memory[smallest])]
                guard scratch[column] > threshold else { continue }
                for index in smallest..<found - 1 { memory[index] = memory[index + 1] }
                memory[found - 1] = UInt32(column)
            }
        }
        for index in 0..<found { memory[index] += UInt32(lead) }
        (places, count, self.lead) = (UnsafePointer(memory), found, lead)
    }
}

/// The two bytes of an outlier's number.
package struct WideNumber {
    package let low: UInt8
    /// Its zero point is ``zero(_:)``.
    package let high: UInt8

    /// - Parameters:
    ///   - value: in steps of the row, the row's zero point included.
    ///   - levels: of a byte.
    package init(_ value: Float, levels: Int) {
        let base = levels + 1
        let most = Float(base * (base / 2 - 1))
        let whole = Int(max(-most, min(most, value.rounded(.toNearestOrEven))))
        let high = (whole + base * (base / 2)) / base
        low = UInt8(whole + base * (base / 2) - high * base)
        self.high = UInt8(high)
    }

    package static func zero(_ levels: Int) -> Float { Float((levels + 1) / 2) }

    /// A value that keeps the step of a row large enough for the high byte.
    static func shadow(of value: Float, levels: Int) -> Float { value / (0.4 * Float(levels)) }
}
