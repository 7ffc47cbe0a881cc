import CKernels

/// The few rows of a product's input in the order in which the kernel reads them. The memory is kept for the next input.
final class ArrangedRows: @unchecked Sendable {
    // @unchecked: filled before the team's region that reads it.
    private var memory = Matrix(rows: 0, columns: 0)

    var base: UnsafeMutablePointer<Float> { memory.view.base }

    func fill(_ x: MatrixView, kernels: Kernels) {
        let count = Self.count(rows: x.rows, inputs: x.columns)
        if count > memory.view.columns { memory = Matrix(rows: 1, columns: count) }
        kernels.table.pointee.arrange(x.base, x.rows, x.columns, x.stride, base)
    }

    /// Floats that arranged rows take.
    static func count(rows: Int, inputs: Int) -> Int { rows * ((inputs + 31) / 32 * 32) }
}
