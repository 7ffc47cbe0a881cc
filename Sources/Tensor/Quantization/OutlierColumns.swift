import CKernels

/// The outliers of an input: columns that are far larger than the others, as trained models have them. One quantization
/// step for all columns would round the others to nothing. The values of an outlier are quantized to two bytes: the low
/// byte stays among the other columns, the high bytes form a block of their own, and its weights are gathered for it.
struct OutlierColumns: @unchecked Sendable {
    // @unchecked: a view of memory that belongs to `QuantizedRows` and is filled before it is read.

    /// A column is an outlier when the mean of its absolute values is this many times the mean of all columns. With few
    /// rows the factor is larger, because their mean says less.
    private static func threshold(rows: Int) -> Float { 4 + 8 / Float(rows) }
    /// Number of rows that decide.
    private static let sampleRows = 32

    /// Returns the maximum number of outliers in a block. With few rows there are fewer, because reading the weights a
    /// second time costs as much as reading them once.
    static func maximumCount(rows: Int) -> Int { rows <= Kernels.fewRows ? 8 : maximumCount }
    static let maximumCount = 16

    /// The outliers' positions in the block, counted in inputs from its first group, in ascending order.
    let positions: UnsafePointer<UInt32>
    let count: Int
    /// Positions of the first group before the block's first column.
    private let lead: Int

    var isEmpty: Bool { count == 0 }
    /// Groups of four inputs that the outliers fill.
    var groups: Int { (count + QuantizedShape.group - 1) / QuantizedShape.group }
    /// Returns an outlier's column in x, counted from the block's first.
    func column(_ index: Int) -> Int { Int(positions[index]) - lead }

    /// Finds the outliers of a block's columns, the largest where there are more than the maximum.
    ///
    /// - Parameters:
    ///   - x: [T, inputs of the block] float32.
    ///   - lead: positions of the first group before the block's first column.
    ///   - maximum: of outliers.
    ///   - memory: for ``maximumCount`` positions.
    ///   - scratch: for as many float32 as x has columns.
    init(
        _ x: MatrixView, lead: Int, maximum: Int, memory: UnsafeMutablePointer<UInt32>,
        scratch: UnsafeMutablePointer<Float>, kernels: Kernels
    ) {
        let rows = min(x.rows, Self.sampleRows)
        kernels.int8.pointee.weigh_columns(x.base, rows, x.stride * (x.rows / rows), x.columns, scratch)
        var threshold = Self.threshold(rows: rows)
        var found = 0
        for column in 0..<x.columns where scratch[column] > threshold {
            if found < maximum {
                memory[found] = UInt32(column)
                found += 1
            } else {
                // The smallest is replaced; those after it move up, so that the order stays.
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
        (positions, count, self.lead) = (UnsafePointer(memory), found, lead)
    }
}
