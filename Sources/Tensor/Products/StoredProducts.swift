import Base
import CKernels

/// Products with weights as the checkpoint stores them (float32, bfloat16, float16), summed in float32.
extension Linear {
    /// The input of a product as the kernels read it.
    private enum Input: @unchecked Sendable {
        // @unchecked: written before the region of the team that reads it.
        case many(PanelRows, any PanelProducts)
        /// Few rows, arranged once for all outputs.
        case few(UnsafeMutablePointer<Float>, FewRowsProducts)
        /// Rows in groups of ``ArrangedRows/groupRows``, whose results do not depend on each other.
        case batchInvariant(UnsafeMutablePointer<Float>, FewRowsProducts)

        /// How many rows are multiplied; nil for few.
        var panels: (any PanelProducts)? {
            if case .many(_, let panels) = self { return panels }
            return nil
        }
    }

    /// - Parameter element: the type of the weights that the input is multiplied with.
    private func input(_ x: MatrixView, _ element: ElementType, _ context: ProductContext) -> Input {
        let isFew = x.rows <= kernels.maximumFewRows(of: element) || x.columns == 0
        if context.isBatchInvariant || isFew {
            let rows = context.isBatchInvariant ? ArrangedRows.groupRows : x.rows
            let invariant = context.isBatchInvariant || x.columns == 0
            if let few = kernels.fewRows(rows, of: element, activations, isBatchInvariant: invariant) {
                return context.isBatchInvariant
                    ? .batchInvariant(arrangedRows.arrangedInGroups(x, for: few), few)
                    : .few(arrangedRows.arranged(x, for: few, team: team), few)
            }
        }
        let panels = kernels.panels(for: element, activations)
        return .many(arrangedRows.arranged(x, for: panels, team: team), panels)
    }

    /// Products with weights of one type share a region of the team.
    func multiplyStored(_ x: MatrixView, _ products: [Product], _ context: ProductContext) {
        for element in ElementType.allCases {
            let own = products.filter { $0.weight.element == element }
            if !own.isEmpty { multiplyStored(x, own, of: element, context) }
        }
    }

    private func multiplyStored(
        _ x: MatrixView, _ products: [Product], of element: ElementType, _ context: ProductContext
    ) {
        let start = Timeline.now()
        let input = input(x, element, context)
        let tasks = products.flatMap { product in
            self.tasks(product.weight, rows: x.rows, input.panels, context).map { (product: product, part: $0) }
        }
        team.run(tasks.count) { index, thread in
            let (product, part) = tasks[index]
            product.withBias(part.outputs) { bias in
                let output = PanelOutput(
                    y: product.y.rows(part.rows).columns(part.outputs), accumulate: product.accumulate, bias: bias,
                    finish: product.finish)
                multiply(input, part.rows, product.weight.outputs(part.outputs), into: output, thread: thread)
            }
        }
        record(products.map(\.weight), rows: x.rows, from: start, context)
    }

    /// hidden [T, F] = gelu_tanh(x · gateᵀ) * (x · upᵀ): a task makes both products of its outputs, one after the other.
    func gatedStored(
        _ x: MatrixView, gate: WeightMatrix, up: WeightMatrix, into hidden: MatrixView, _ context: ProductContext
    ) {
        let start = Timeline.now()
        let input = input(x, gate.element, context)
        let parts = tasks(gate, rows: x.rows, input.panels, context)
        team.run(parts.count) { index, thread in
            let part = parts[index]
            let out = hidden.rows(part.rows).columns(part.outputs)
            multiply(input, part.rows, gate.outputs(part.outputs), into: PanelOutput(y: out), thread: thread)
            // The products' own scratch lies before that of `up`.
            let own = gate.outputs(part.outputs)
            let offset =
                input.panels.map { scratchFloats($0, own) } ?? kernels.maximumFewRows(of: own.element) * own.outputs
            let memory = team.scratch(thread: thread, count: offset + part.rows.count * part.outputs.count)
            let upPart = MatrixView(base: memory + offset, rows: part.rows.count, columns: part.outputs.count)
            multiply(
                input, part.rows, up.outputs(part.outputs),
                into: PanelOutput(y: upPart, finish: .geluTimes(gate: out)), thread: thread)
        }
        record([gate, up], rows: x.rows, from: start, context)
    }

    private func multiply(
        _ input: Input, _ rows: Range<Int>, _ weight: WeightMatrix, into output: PanelOutput, thread: Int
    ) {
        switch input {
        case .many(var x, let panels):
            x.rows = rows
            return manyRows(x, weight, panels, into: output, thread: thread)
        case .few(let x, let products): fewRows(x, weight, products, into: output, thread: thread)
        case .batchInvariant(let x, let products): rowGroups(x, weight, products, into: output, thread: thread)
        }
        kernels.finish(output)
    }

    /// - Parameter x: the arranged rows, as many as y has.
    private func fewRows(
        _ x: UnsafeMutablePointer<Float>, _ weight: WeightMatrix, _ products: FewRowsProducts, into output: PanelOutput,
        thread: Int
    ) {
        let y = output.y
        guard output.accumulate else { return products.multiply(x, weight, into: y) }
        let memory = team.scratch(thread: thread, count: y.rows * weight.outputs)
        let product = MatrixView(base: memory, rows: y.rows, columns: weight.outputs)
        products.multiply(x, weight, into: product)
        kernels.add(y, product)
    }

    /// - Parameter x: the rows arranged in groups.
    private func rowGroups(
        _ x: UnsafeMutablePointer<Float>, _ weight: WeightMatrix, _ products: FewRowsProducts, into output: PanelOutput,
        thread: Int
    ) {
        let (y, rows) = (output.y, ArrangedRows.groupRows)
        let size = products.floats(rows: rows, inputs: weight.inputs)
        let memory = team.scratch(thread: thread, count: rows * weight.outputs)
        let product = MatrixView(base: memory, rows: rows, columns: weight.outputs)
        for first in stride(from: 0, to: y.rows, by: rows) {
            products.multiply(x + first / rows * size, weight, into: product)
            let own = product.rows(0..<min(rows, y.rows - first))
            let out = y.rows(first..<first + own.rows)
            if output.accumulate { kernels.add(out, own) } else { out.copy(from: own) }
        }
    }

    /// Panel by panel of inputs: pack, multiply all rows, add to y.
    private func manyRows(
        _ x: PanelRows, _ weight: WeightMatrix, _ panels: any PanelProducts, into output: PanelOutput, thread: Int
    ) {
        let memory = team.scratch(thread: thread, count: scratchFloats(panels, weight))
        let cut = inputRanges(of: weight, panels)
        for (index, inputs) in cut.enumerated() {
            let part = weight.inputs(inputs)
            panels.pack(PanelSource(part), into: memory)
            var rows = x
            rows.inputs = inputs
            var own = PanelOutput(y: output.y, accumulate: output.accumulate || index > 0)
            var next = pg_next()
            if index == cut.count - 1 {
                (own.bias, own.finish) = (output.bias, output.finish)
            } else {
                next = pg_next(of: weight.inputs(cut[index + 1]))
            }
            let panel = Panel(
                base: memory, outputs: weight.outputs, inputs: inputs.count, element: weight.element)
            panels.multiply(rows, panel, into: own, next: next)
        }
    }

    /// Cuts the inputs of a product into those of its panels, about equal ones.
    private func inputRanges(of weight: WeightMatrix, _ panels: any PanelProducts) -> [Range<Int>] {
        let group = panels.inputGroup
        let groups = (weight.inputs + group - 1) / group
        let maximum = max(1, panels.maximumInputs(of: weight.element) / group)
        let count = max(1, (groups + maximum - 1) / maximum)
        return (0..<count).map {
            groups * $0 / count * group..<min(weight.inputs, groups * ($0 + 1) / count * group)
        }
    }

    private func scratchFloats(_ panels: any PanelProducts, _ weight: WeightMatrix) -> Int {
        let inputs = min(weight.inputs, panels.maximumInputs(of: weight.element))
        return Matrix.wholeCacheLines(
            panels.panelFloats(outputs: weight.outputs, inputs: inputs, of: weight.element))
    }
}

extension pg_next {
    /// The weights that are packed after a product.
    fileprivate init(of weight: WeightMatrix) {
        self.init(
            start: weight.base, rows: weight.outputs, bytes: weight.inputs * weight.element.size,
            stride: weight.stride * weight.element.size)
    }
}
