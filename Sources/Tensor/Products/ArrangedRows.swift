import CKernels

/// Memory for a few rows of a product's input in the order in which the kernel reads them. It is kept for the next input.
final class ArrangedRows: @unchecked Sendable {
    // @unchecked: filled before the team's region that reads it.
    private var memory = Matrix(rows: 0, columns: 0)

    /// Returns the rows of `x` [T, inputs] arranged as one group, ``count(rows:inputs:)`` floats.
    func arranged(_ x: MatrixView, kernels: Kernels) -> UnsafeMutablePointer<Float> {
        let base = reserve(Self.count(rows: x.rows, inputs: x.columns))
        kernels.table.pointee.arrange(x.base, x.rows, x.columns, x.stride, base)
        return base
    }

    /// Rows of a group of ``arrangedInGroups(_:kernels:)``.
    static let groupRows = 4

    /// Returns the rows of `x` [T, inputs] arranged in groups of ``groupRows``, the last one filled up with zeros: what
    /// the kernel computes of a row depends on how many rows it has.
    func arrangedInGroups(_ x: MatrixView, kernels: Kernels) -> UnsafeMutablePointer<Float> {
        let (rows, size) = (Self.groupRows, Self.count(rows: Self.groupRows, inputs: x.columns))
        let groups = (x.rows + rows - 1) / rows
        let base = reserve(groups * size)
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
        return base
    }

    /// The floats that arranged rows take.
    static func count(rows: Int, inputs: Int) -> Int { rows * ((inputs + 31) / 32 * 32) }

    private func reserve(_ count: Int) -> UnsafeMutablePointer<Float> {
        if count > memory.view.columns { memory = Matrix(rows: 1, columns: count) }
        return memory.view.base
    }
}
