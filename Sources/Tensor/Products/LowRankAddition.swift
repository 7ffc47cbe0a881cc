/// What a LoRA adapter adds to a product: scale · (x · Aᵀ) · Bᵀ.
///
/// It is cut as its weight is cut: B by outputs (column parallel), A by inputs (row parallel), where each rank's part gives
/// a part of the sum.
package struct LowRankAddition: Sendable {
    let down: WeightMatrix  // A [r, inputs]
    let up: WeightMatrix  // B [outputs, r]
    let scale: Float

    package init(down: WeightMatrix, up: WeightMatrix, scale: Float) {
        self.down = down
        self.up = up
        self.scale = scale
    }

    /// r
    var rank: Int { down.outputs }

    func outputs(_ range: Range<Int>) -> LowRankAddition {
        LowRankAddition(down: down, up: up.outputs(range), scale: scale)
    }

    func inputs(_ range: Range<Int>) -> LowRankAddition {
        LowRankAddition(down: down.inputs(range), up: up, scale: scale)
    }
}

/// Memory for the products of some rows with A, kept for the next ones.
final class LowRankRows: @unchecked Sendable {
    // @unchecked: used by the team's leader between regions.
    private var memory = Matrix(rows: 0, columns: 0)

    func view(rows: Int, columns: Int) -> MatrixView {
        if rows * columns > memory.view.columns { memory = Matrix(rows: 1, columns: rows * columns) }
        return MatrixView(base: memory.view.base, rows: rows, columns: columns)
    }
}

extension Linear {
    /// y += scale · (x · Aᵀ) · Bᵀ of each product, for the rows of each adapter that adds to it.
    func addLowRank(_ x: MatrixView, _ products: [Product], _ context: ProductContext) {
        let plain = context.withoutAdapters
        for run in context.adapters.runs {
            let additions = products.compactMap { product in
                product.weight.additions?[run.adapter].map { (addition: $0, y: product.y.rows(run.rows)) }
            }
            guard !additions.isEmpty else { continue }
            var columns: [Range<Int>] = []
            for (addition, _) in additions {
                let start = columns.last?.upperBound ?? 0
                columns.append(start..<start + addition.rank)
            }
            let low = lowRankRows.view(rows: run.rows.count, columns: columns.last?.upperBound ?? 0)
            self(
                x.rows(run.rows),
                zip(additions, columns).map { Product(weight: $0.addition.down, y: low.columns($1)) }, context: plain)
            for ((addition, y), columns) in zip(additions, columns) {
                let part = low.columns(columns)
                for row in 0..<part.rows { kernels.table.pointee.scale(part.row(row), addition.scale, part.columns) }
                self(part, addition.up, into: y, accumulate: true, context: plain)
            }
        }
    }
}
