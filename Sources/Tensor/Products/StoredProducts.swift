import Base
import CKernels

/// Products with weights as the checkpoint stores them (float32, bfloat16, float16), summed in float32.
extension Linear {
    /// The input of a product as the kernels read it.
    private enum Input: @unchecked Sendable {
        // @unchecked: written before the region of the team that reads it.
        /// Many rows are read where they lie.
        case inPlace(MatrixView)
        /// Few rows, arranged once for all outputs.
        case few(UnsafeMutablePointer<Float>)
        /// Rows in groups of ``ArrangedRows/groupRows``, whose results do not depend on each other.
        case batchInvariant(UnsafeMutablePointer<Float>)
    }

    private func input(_ x: MatrixView, _ context: ProductContext) -> Input {
        if context.isBatchInvariant { return .batchInvariant(arrangedRows.arrangedInGroups(x, kernels: kernels)) }
        if x.rows <= Kernels.fewRows || x.columns == 0 { return .few(arrangedRows.arranged(x, kernels: kernels)) }
        return .inPlace(x)
    }

    func multiplyStored(_ x: MatrixView, _ products: [Product], _ context: ProductContext) {
        let start = Timeline.now()
        let input = input(x, context)
        let tasks = products.flatMap { product in
            self.tasks(product.weight, rows: x.rows, context).map { (product: product, part: $0) }
        }
        team.run(tasks.count) { index, thread in
            let (product, part) = tasks[index]
            let y = product.y.rows(part.rows).columns(part.outputs)
            product.withBias(part.outputs) { bias in
                multiply(
                    input, part.rows, product.weight.outputs(part.outputs), into: y,
                    accumulate: product.accumulate, bias: bias, finish: product.gelu ? .gelu : .keep, thread: thread)
            }
        }
        record(products.map(\.weight), rows: x.rows, from: start, context)
    }

    /// hidden [T, F] = gelu_tanh(x · gateᵀ) * (x · upᵀ): a task makes both products of its outputs, one after the other.
    func gatedStored(
        _ x: MatrixView, gate: WeightMatrix, up: WeightMatrix, into hidden: MatrixView, _ context: ProductContext
    ) {
        let start = Timeline.now()
        let input = input(x, context)
        let parts = tasks(gate, rows: x.rows, context)
        team.run(parts.count) { index, thread in
            let part = parts[index]
            let out = hidden.rows(part.rows).columns(part.outputs)
            multiply(input, part.rows, gate.outputs(part.outputs), into: out, thread: thread)
            // The products' own scratch lies before that of `up`.
            let offset = scratchFloats(outputs: part.outputs.count, inputs: gate.inputs)
            let memory = team.scratch(thread: thread, count: offset + part.rows.count * part.outputs.count)
            let upPart = MatrixView(base: memory + offset, rows: part.rows.count, columns: part.outputs.count)
            multiply(
                input, part.rows, up.outputs(part.outputs), into: upPart, finish: .geluTimes(gate: out), thread: thread)
        }
        record([gate, up], rows: x.rows, from: start, context)
    }

    /// What follows a product before its rows leave the cache.
    fileprivate enum Finish {
        case keep
        case gelu
        case geluTimes(gate: MatrixView)
    }

    private func multiply(
        _ input: Input, _ rows: Range<Int>, _ weight: WeightMatrix, into y: MatrixView, accumulate: Bool = false,
        bias: UnsafePointer<Float>? = nil, finish: Finish = .keep, thread: Int
    ) {
        switch input {
        case .inPlace(let x):
            return manyRows(
                x.rows(rows), weight, into: y, accumulate: accumulate, bias: bias, finish: finish, thread: thread)
        case .few(let x): fewRows(x, weight, into: y, accumulate: accumulate, thread: thread)
        case .batchInvariant(let x): rowGroups(x, weight, into: y, accumulate: accumulate, thread: thread)
        }
        if let bias { kernels.addRow(y, bias) }
        switch finish {
        case .keep: break
        case .gelu: kernels.gelu(y)
        case .geluTimes(let gate): kernels.geluTimes(gate, y)
        }
    }

    /// - Parameter x: the arranged rows, as many as y has.
    private func fewRows(
        _ x: UnsafeMutablePointer<Float>, _ weight: WeightMatrix, into y: MatrixView, accumulate: Bool, thread: Int
    ) {
        let memory = accumulate ? team.scratch(thread: thread, count: y.rows * weight.outputs) : y.base
        let product = accumulate ? MatrixView(base: memory, rows: y.rows, columns: weight.outputs) : y
        kernels.table.pointee.few_rows(
            weight.element.code, weight.base, weight.outputs, weight.inputs, weight.stride, x, y.rows,
            product.base, product.stride)
        if accumulate { kernels.add(y, product) }
    }

    /// - Parameter x: the rows arranged in groups.
    private func rowGroups(
        _ x: UnsafeMutablePointer<Float>, _ weight: WeightMatrix, into y: MatrixView, accumulate: Bool, thread: Int
    ) {
        let rows = ArrangedRows.groupRows
        let size = ArrangedRows.count(rows: rows, inputs: weight.inputs)
        let memory = team.scratch(thread: thread, count: rows * weight.outputs)
        for first in stride(from: 0, to: y.rows, by: rows) {
            kernels.table.pointee.few_rows(
                weight.element.code, weight.base, weight.outputs, weight.inputs, weight.stride,
                x + first / rows * size, rows, memory, weight.outputs)
            let own = min(rows, y.rows - first)
            let product = MatrixView(base: memory, rows: own, columns: weight.outputs)
            let out = y.rows(first..<first + own)
            if accumulate { kernels.add(out, product) } else { out.copy(from: product) }
        }
    }

    /// Panel by panel of inputs: pack, multiply all rows, add to y.
    private func manyRows(
        _ x: MatrixView, _ weight: WeightMatrix, into y: MatrixView, accumulate: Bool,
        bias: UnsafePointer<Float>?, finish: Finish, thread: Int
    ) {
        let panel = team.scratch(
            thread: thread, count: scratchFloats(outputs: weight.outputs, inputs: weight.inputs))
        let panels = (weight.inputs + Self.panelInputs - 1) / Self.panelInputs
        for index in 0..<panels {
            let inputs = weight.inputs * index / panels..<weight.inputs * (index + 1) / panels
            let part = weight.inputs(inputs)
            kernels.table.pointee.pack(
                part.element.code, part.base, part.outputs, part.inputs, part.stride, panel)
            var product = pg_product(x.columns(inputs), panel: panel, y, accumulate: accumulate || index > 0)
            if index == 0 { product.bias = bias }
            if index == panels - 1 { product.setFinish(finish) }
            if index + 1 < panels {
                product.setNext(weight.inputs(inputs.upperBound..<weight.inputs * (index + 2) / panels))
            }
            kernels.multiply(product)
        }
    }

    private func scratchFloats(outputs: Int, inputs: Int) -> Int {
        kernels.panelFloats(outputs: outputs, inputs: min(inputs, Self.panelInputs))
    }
}

extension pg_product {
    /// y [T, N] = or += x [T, K] · a packed panel of K inputs and N outputs.
    init(_ x: MatrixView, panel: UnsafePointer<Float>, _ y: MatrixView, accumulate: Bool) {
        precondition(x.rows == y.rows)
        self.init()
        (self.x, rows, ldx) = (UnsafePointer(x.base), x.rows, x.stride)
        (self.panel, inputs, outputs) = (panel, x.columns, y.columns)
        (self.y, ldy, self.accumulate) = (y.base, y.stride, accumulate)
        finish = PG_KEEP
    }

    /// Names the weights that are packed after this product, which the kernel prefetches.
    fileprivate mutating func setNext(_ weight: WeightMatrix) {
        next = weight.base
        (next_rows, next_bytes) = (weight.outputs, weight.inputs * weight.element.size)
        next_stride = weight.stride * weight.element.size
    }

    fileprivate mutating func setFinish(_ finish: Linear.Finish) {
        switch finish {
        case .keep: self.finish = PG_KEEP
        case .gelu: self.finish = PG_GELU
        case .geluTimes(let gate):
            self.finish = PG_GELU_TIMES
            (self.gate, ldg) = (gate.base, gate.stride)
        }
    }
}
