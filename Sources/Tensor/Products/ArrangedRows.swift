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

    /// Rows of a group of ``fillGroups(_:kernels:)``.
    static let groupRows = 4

    /// The same in groups of so many rows, the last one filled up with zeros: what the kernel computes of a row depends
    /// on how many it has.
    func fillGroups(_ x: MatrixView, kernels: Kernels) {
        let (rows, size) = (Self.groupRows, Self.count(rows: Self.groupRows, inputs: x.columns))
        let groups = (x.rows + rows - 1) / rows
        if groups * size > memory.view.columns { memory = Matrix(rows: 1, columns: groups * size) }
        for group in 0..<groups {
            let own = group * rows..<min(x.rows, (group + 1) * rows)
            var part = x.rows(own)
            let filled = Matrix(rows: own.count < rows ? rows : 0, columns: x.columns)
            if own.count < rows {
                filled.view.fill(0)
                filled.view.rows(0..<own.count).copy(from: part)
                part = filled.view
            }
            kernels.table.pointee.arrange(part.base, rows, x.columns, part.stride, base + group * size)
            withExtendedLifetime(filled) {}
        }
    }

    /// Floats that arranged rows take.
    static func count(rows: Int, inputs: Int) -> Int { rows * ((inputs + 31) / 32 * 32) }
}
