import CKernels

/// Columns of an input that are far larger than the rest, as trained models have them: one step for all would leave
/// nothing of the small ones. The numbers of such a column get two bytes: the low one stands among the others, the high
/// one in a block of its own, whose weights are gathered for it.
struct OutlierColumns: Sendable {
    /// A column counts as one where its mean is so many times that of all columns; with few rows, where a mean says
    /// less, more is asked for.
    private static func threshold(rows: Int) -> Float { 4 + 4 / Float(rows) }
    /// Rows that are looked at.
    private static let sampleRows = 32

    /// Places in the block, counted from its first group, in ascending order.
    let places: [UInt32]
    /// Places before the block's first column.
    private let lead: Int

    var isEmpty: Bool { places.isEmpty }
    var groups: Int { (places.count + QuantizedShape.group - 1) / QuantizedShape.group }
    /// Their columns in x, counted from the block's first.
    var columns: [Int] { places.map { Int($0) - lead } }

    /// The outliers of a block's columns of x [T, inputs].
    ///
    /// - Parameter most: at most so many, the largest ones.
    init(_ x: MatrixView, block: QuantizedSlice.Block, most: Int, kernels: Kernels) {
        lead = block.lead
        let count = block.columns.count
        let rows = min(x.rows, Self.sampleRows)
        let weights = [Float](unsafeUninitializedCapacity: count) { buffer, filled in
            kernels.int8.pointee.weigh_columns(
                x.base + block.columns.lowerBound, rows, x.stride * (x.rows / rows), count, buffer.baseAddress)
            filled = count
        }
        let threshold = Self.threshold(rows: rows)
        var large = weights.indices.filter { weights[$0] > threshold }
        if large.count > most {
            large = Array(large.sorted { weights[$0] > weights[$1] }.prefix(most)).sorted()
        }
        places = large.map { UInt32($0 + block.lead) }
    }
}

/// The two bytes of an outlier's number.
struct WideNumber {
    let low: UInt8
    /// Its zero point is ``zero(_:)``.
    let high: UInt8

    /// - Parameters:
    ///   - value: in steps of the row, the row's zero point included.
    ///   - levels: of a byte.
    init(_ value: Float, levels: Int) {
        let base = levels + 1
        let most = Float(base * (base / 2 - 1))
        let whole = Int(max(-most, min(most, value.rounded(.toNearestOrEven))))
        let high = (whole + base * (base / 2)) / base
        low = UInt8(whole + base * (base / 2) - high * base)
        self.high = UInt8(high)
    }

    static func zero(_ levels: Int) -> Float { Float((levels + 1) / 2) }

    /// A value that keeps the step of a row large enough for the high byte.
    static func shadow(of value: Float, levels: Int) -> Float { value / (0.4 * Float(levels)) }
}
