import CKernels

/// Memory for the rows of a product's input in the order in which the kernels read them. It is kept for the next input.
final class ArrangedRows: @unchecked Sendable {
    // @unchecked: filled before the team's region that reads it.
    private var memory = Matrix(rows: 0, columns: 0)

    /// Returns few rows of `x` [T, inputs] arranged, group by group where the kernels have groups.
    func arranged(_ x: MatrixView, for products: FewRowsProducts, team: ThreadTeam) -> UnsafeMutablePointer<Float> {
        let base = reserve(products.floats(rows: x.rows, inputs: x.columns))
        let group = min(products.groupRows, max(1, x.rows))
        let memory = PanelRows(x, arranged: base)
        team.run((x.rows + group - 1) / group) { task, _ in
            let own = task * group..<min(x.rows, (task + 1) * group)
            guard let base = memory.arranged else { return }
            products.arrange(
                x.rows(own), into: base + products.floats(rows: own.lowerBound, inputs: x.columns))
        }
        return base
    }

    /// Rows of a group of ``arrangedInGroups(_:for:)``.
    static let groupRows = 4

    /// Returns the rows of `x` [T, inputs] arranged in groups of ``groupRows``, the last one filled up with zeros: what
    /// the kernel computes of a row depends on how many rows it has.
    func arrangedInGroups(_ x: MatrixView, for products: FewRowsProducts) -> UnsafeMutablePointer<Float> {
        let (rows, size) = (Self.groupRows, products.floats(rows: Self.groupRows, inputs: x.columns))
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
            products.arrange(part, into: base + group * size)
            withExtendedLifetime(filled) {}
        }
        return base
    }

    /// Returns the rows of `x` [T, inputs] as panels are multiplied with them: arranged by all threads of a team, or in place.
    func arranged(_ x: MatrixView, for panels: any PanelProducts, team: ThreadTeam) -> PanelRows {
        let count = panels.rowFloats(rows: x.rows, inputs: x.columns)
        guard count > 0 else { return PanelRows(x) }
        let rows = PanelRows(x, arranged: reserve(count))
        // A small input takes less time than waking the threads.
        let isSmall = x.rows * x.columns < 1 << 15
        let step = isSmall ? x.rows : max(32, 2 * panels.rowGroup)
        team.run((x.rows + step - 1) / step) { task, _ in
            let own = task * step..<min(x.rows, (task + 1) * step)
            guard let base = rows.arranged else { return }
            panels.arrange(x.rows(own), into: base + panels.rowFloats(rows: own.lowerBound, inputs: x.columns))
        }
        return rows
    }

    private func reserve(_ count: Int) -> UnsafeMutablePointer<Float> {
        if count > memory.view.columns {
            memory = Matrix(rows: 0, columns: 0)  // the smaller one goes before the larger one comes
            memory = Matrix(rows: 1, columns: count)
        }
        return memory.view.base
    }
}
