/// What an adapter adds to a product: scale · (x · Aᵀ) · Bᵀ. Cut as the weight is cut: by outputs B, by inputs A, of which
/// each rank's part gives a part of the sum.
package struct LowRank: Sendable {
    /// A [r, inputs]
    let down: WeightMatrix
    /// B [outputs, r]
    let up: WeightMatrix
    let scale: Float

    package init(down: WeightMatrix, up: WeightMatrix, scale: Float) {
        self.down = down
        self.up = up
        self.scale = scale
    }

    var rank: Int { down.outputs }

    func outputs(_ range: Range<Int>) -> LowRank { LowRank(down: down, up: up.outputs(range), scale: scale) }
    func inputs(_ range: Range<Int>) -> LowRank { LowRank(down: down.inputs(range), up: up, scale: scale) }
}

/// Which rows of a matrix are answered by which adapter; the others by the model as it is.
package struct RowAdapters: Sendable, Equatable {
    struct Run: Sendable, Equatable {
        /// Its place in the ``AdapterSet``.
        let adapter: Int
        let rows: Range<Int>
    }

    /// In ascending order of rows.
    private(set) var runs: [Run] = []

    package static let none = RowAdapters()

    package init() {}

    /// Rows one group after the other, each of some rows that are answered alike.
    package init(_ groups: some Swift.Sequence<(adapter: Int?, rows: Int)>) {
        var start = 0
        for (adapter, rows) in groups {
            if let adapter { append(Run(adapter: adapter, rows: start..<start + rows)) }
            start += rows
        }
    }

    var isEmpty: Bool { runs.isEmpty }

    /// Those of some rows, counted from the first of them.
    package func rows(_ range: Range<Int>) -> RowAdapters {
        var result = RowAdapters()
        result.append(self, rows: range, at: 0)
        return result
    }

    /// Puts those of some rows of others at a place behind all that are there.
    package mutating func append(_ other: RowAdapters, rows range: Range<Int>, at start: Int) {
        for run in other.runs {
            let common = run.rows.clamped(to: range)
            if common.isEmpty { continue }
            let shift = start - range.lowerBound
            append(Run(adapter: run.adapter, rows: common.lowerBound + shift..<common.upperBound + shift))
        }
    }

    private mutating func append(_ run: Run) {
        if run.rows.isEmpty { return }
        if let last = runs.last, last.adapter == run.adapter, last.rows.upperBound == run.rows.lowerBound {
            runs[runs.count - 1] = Run(adapter: run.adapter, rows: last.rows.lowerBound..<run.rows.upperBound)
        } else {
            runs.append(run)
        }
    }
}

/// The products with A of some rows. The memory is kept for the next ones.
final class LowRankRows: @unchecked Sendable {
    // @unchecked: used by the team's leader between regions.
    private var memory = Matrix(rows: 0, columns: 0)

    func view(rows: Int, columns: Int) -> MatrixView {
        if rows * columns > memory.view.columns { memory = Matrix(rows: 1, columns: rows * columns) }
        return MatrixView(base: memory.view.base, rows: rows, columns: columns)
    }
}

extension Linear {
    /// y = or += x · Wᵀ with what the rows' adapters add.
    package func callAsFunction(
        _ x: MatrixView, _ weight: WeightMatrix, into y: MatrixView, accumulate: Bool = false, bias: [Float]? = nil,
        gelu: Bool = false, adapters: RowAdapters
    ) {
        callAsFunction(
            x, [Product(weight: weight, y: y, accumulate: accumulate, bias: bias, gelu: gelu)], adapters: adapters)
    }

    /// Several products with the same x.
    package func callAsFunction(_ x: MatrixView, _ products: [Product], adapters: RowAdapters) {
        guard products.contains(where: { adds(adapters, to: $0.weight) }) else { return callAsFunction(x, products) }
        callAsFunction(
            x,
            products.map { product in
                var product = product
                product.gelu = false  // comes behind the additions
                return product
            })
        addLowRank(x, products, adapters)
        for product in products where product.gelu {
            team.rows(x.rows) { [kernels] in kernels.gelu(product.y.rows($0)) }
        }
    }

    /// hidden = gelu_tanh(x · gateᵀ) * (x · upᵀ) with what the rows' adapters add to either.
    package func gated(
        _ x: MatrixView, gate: WeightMatrix, up: WeightMatrix, into hidden: MatrixView, adapters: RowAdapters
    ) {
        guard adds(adapters, to: gate, up) else { return gated(x, gate: gate, up: up, into: hidden) }
        let other = upRows.view(rows: x.rows, columns: up.outputs)
        callAsFunction(x, [Product(weight: gate, y: hidden), Product(weight: up, y: other)], adapters: adapters)
        team.rows(x.rows) { [kernels] in kernels.geluTimes(hidden.rows($0), other.rows($0)) }
    }

    /// y += scale · (x · Aᵀ) · Bᵀ of each product, for the rows of each adapter that adds to it.
    private func addLowRank(_ x: MatrixView, _ products: [Product], _ adapters: RowAdapters) {
        for run in adapters.runs {
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
            callAsFunction(
                x.rows(run.rows),
                zip(additions, columns).map { Product(weight: $0.addition.down, y: low.columns($1)) })
            for ((addition, y), columns) in zip(additions, columns) {
                let part = low.columns(columns)
                for row in 0..<part.rows { kernels.table.pointee.scale(part.row(row), addition.scale, part.columns) }
                callAsFunction(part, addition.up, into: y, accumulate: true)
            }
        }
    }

    /// Whether any of the rows' adapters adds to any of the weights.
    private func adds(_ adapters: RowAdapters, to weights: WeightMatrix...) -> Bool {
        adapters.runs.contains { run in weights.contains { $0.additions?[run.adapter] != nil } }
    }
}
