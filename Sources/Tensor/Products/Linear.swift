import Base
import CKernels

/// y = x · Wᵀ, the product that nearly all of the arithmetic is.
///
/// Many rows: a thread packs some outputs' weights, widened to float32, into a panel that stays in its cache as the
/// register tile reads it, and multiplies all rows of x with it; x is read where it lies. Few rows (decoding): weights
/// go from memory straight into registers, as the checkpoint stores them.
package struct Linear {
    /// One product of several with the same x, done in one region of the team.
    package struct Product: Sendable {
        let weight: WeightMatrix  // [outputs, inputs]
        let y: MatrixView  // [T, outputs]
        var accumulate = false
        var bias: [Float]?
        /// y = gelu_tanh(y)
        var gelu = false

        package init(
            weight: WeightMatrix, y: MatrixView, accumulate: Bool = false, bias: [Float]? = nil, gelu: Bool = false
        ) {
            self.weight = weight
            self.y = y
            self.accumulate = accumulate
            self.bias = bias
            self.gelu = gelu
        }
    }

    /// Up to this many rows of x the weights' bytes are what takes the time, not the multiplications.
    static let fewRows = 16
    /// Inputs of a panel: with the outputs of a task it stays in the second cache (288 KB).
    private static let panelInputs = 512
    private static let panelOutputs = 144
    /// Rows of a task at most: so many rows of y stay in cache from one panel of inputs to the next.
    private static let mostRows = 1024
    /// Bytes of weights that a task for few rows reads at least.
    private static let streamedBytes = 1 << 18

    let team: ThreadTeam
    let kernels: Kernels
    let meter: OperationMeter
    /// The input of the product at hand, where its weights have eight bits.
    let quantizedRows = QuantizedRows()
    /// The same where they are stored, of a few rows.
    private let arrangedRows = ArrangedRows()
    /// What adapters' products leave in between.
    let lowRankRows = LowRankRows()
    let upRows = LowRankRows()
    package let steadiness = Steadiness()

    /// Whether a row's products are the same to the bit whatever the rows beside it. It costs some time: rows go in
    /// groups of a fixed size, with weights of eight bits one by one (what is an outlier depends on all rows).
    package final class Steadiness: @unchecked Sendable {
        // @unchecked: set between products, by the thread that begins them.
        package var isOn = false
    }

    package init(team: ThreadTeam, kernels: Kernels = .current, meter: OperationMeter) {
        self.team = team
        self.kernels = kernels
        self.meter = meter
    }

    /// y [T, outputs] = x [T, inputs] · Wᵀ, or y += where `accumulate`.
    package func callAsFunction(
        _ x: MatrixView, _ weight: WeightMatrix, into y: MatrixView, accumulate: Bool = false, bias: [Float]? = nil,
        gelu: Bool = false
    ) {
        callAsFunction(x, [Product(weight: weight, y: y, accumulate: accumulate, bias: bias, gelu: gelu)])
    }

    /// Several products with the same x: their tasks fill the team together.
    package func callAsFunction(_ x: MatrixView, _ products: [Product]) {
        for product in products {
            precondition(x.columns == product.weight.inputs && product.y.columns == product.weight.outputs)
            precondition(x.rows == product.y.rows)
        }
        let quantized = products.filter { $0.weight.quantized != nil }
        if !quantized.isEmpty {
            forEachCompany(of: x) { rows in
                multiplyQuantized(x.rows(rows), quantized.map { $0.rows(rows) })
            }
        }
        let stored = products.filter { $0.weight.quantized == nil }
        if !stored.isEmpty { multiplyStored(x, stored) }
    }

    private func multiplyStored(_ x: MatrixView, _ products: [Product]) {
        let start = Timeline.now()
        arrangeFewRows(x)
        let tasks = products.flatMap { product -> [Task] in
            self.tasks(product.weight, rows: x.rows).map { Task(product: product, part: $0) }
        }
        team.run(tasks.count) { index, thread in
            let (product, part) = (tasks[index].product, tasks[index].part)
            let y = product.y.rows(part.rows).columns(part.outputs)
            product.withBias(part.outputs) { bias in
                multiply(
                    x.rows(part.rows), product.weight.outputs(part.outputs), into: y,
                    accumulate: product.accumulate, bias: bias, finish: product.gelu ? .gelu : .keep, thread: thread)
            }
        }
        record(products.map(\.weight), rows: x.rows, from: start)
    }

    /// hidden [T, F] = gelu_tanh(x · gateᵀ) * (x · upᵀ), both products of a task one after the other.
    package func gated(_ x: MatrixView, gate: WeightMatrix, up: WeightMatrix, into hidden: MatrixView) {
        precondition(gate.outputs == up.outputs && hidden.columns == gate.outputs && x.rows == hidden.rows)
        if gate.quantized != nil, up.quantized != nil {
            return forEachCompany(of: x) { rows in
                gatedQuantized(x.rows(rows), gate: gate, up: up, into: hidden.rows(rows))
            }
        }
        let start = Timeline.now()
        arrangeFewRows(x)
        let parts = tasks(gate, rows: x.rows)
        team.run(parts.count) { index, thread in
            let part = parts[index]
            let (rows, out) = (x.rows(part.rows), hidden.rows(part.rows).columns(part.outputs))
            multiply(rows, gate.outputs(part.outputs), into: out, thread: thread)
            // The products' own scratch lies before that of `up`.
            let offset = scratchFloats(outputs: part.outputs.count, inputs: gate.inputs)
            let memory = team.scratch(thread: thread, count: offset + rows.rows * part.outputs.count)
            let upPart = MatrixView(base: memory + offset, rows: rows.rows, columns: part.outputs.count)
            multiply(rows, up.outputs(part.outputs), into: upPart, finish: .geluTimes(gate: out), thread: thread)
        }
        record([gate, up], rows: x.rows, from: start)
    }

    /// The rows that are quantised together.
    private func forEachCompany(of x: MatrixView, _ body: (Range<Int>) -> Void) {
        guard steadiness.isOn else { return body(0..<x.rows) }
        for row in 0..<x.rows { body(row..<row + 1) }
    }

    private func arrangeFewRows(_ x: MatrixView) {
        if steadiness.isOn {
            arrangedRows.fillGroups(x, kernels: kernels)
        } else if x.rows <= Self.fewRows {
            arrangedRows.fill(x, kernels: kernels)
        }
    }

    func record(_ weights: [WeightMatrix], rows: Int, from start: UInt64) {
        let count = weights.reduce(0) { $0 + $1.outputs * $1.inputs }
        let bytes = weights.reduce(0) { $0 + $1.productBytes }
        meter.record(.linear, from: start, operations: 2 * Double(rows) * Double(count), weightBytes: Double(bytes))
    }
}

// MARK: Tasks

extension Linear {
    private struct Task: Sendable {
        let product: Product
        let part: Part
    }

    /// What one thread multiplies at a time.
    private struct Part: Sendable {
        let rows: Range<Int>
        let outputs: Range<Int>
    }

    /// Cuts a product so that all threads get equally much: by outputs, whose weights are then read once; a product
    /// with too few of them for the team also by rows.
    private func tasks(_ weight: WeightMatrix, rows: Int) -> [Part] {
        guard rows > 0, weight.outputs > 0 else { return [] }
        if rows <= Self.fewRows || steadiness.isOn { return fewRowsTasks(weight, rows: rows) }
        let (group, most) = (kernels.tileOutputs, Self.panelOutputs)
        let groups = (weight.outputs + group - 1) / group
        let fewest = (groups + max(1, most / group) - 1) / max(1, most / group)
        let pieces = min(groups, (fewest + team.count - 1) / team.count * team.count)
        let rowPieces = max(
            rows <= 128 ? 1 : min(rows / 64, (2 * team.count - 1) / pieces + 1),
            (rows + Self.mostRows - 1) / Self.mostRows)
        return (0..<pieces).flatMap { piece in
            let outputs = groups * piece / pieces * group..<min(weight.outputs, groups * (piece + 1) / pieces * group)
            return (0..<rowPieces).map {
                Part(rows: rows * $0 / rowPieces..<rows * ($0 + 1) / rowPieces, outputs: outputs)
            }
        }
    }

    private func fewRowsTasks(_ weight: WeightMatrix, rows: Int) -> [Part] {
        let group = 16
        let groups = (weight.outputs + group - 1) / group
        let groupBytes = group * max(1, weight.inputs) * weight.element.size
        // With several groups of rows a task's weights are read again, from its cache.
        let shares =
            steadiness.isOn && rows > ArrangedRows.groupRows
            ? cachedShares(of: groups, bytes: groupBytes) : streamedShares(of: groups, bytes: groupBytes)
        return shares.map {
            let end = min(weight.outputs, $0.upperBound * group)
            return Part(rows: 0..<rows, outputs: $0.lowerBound * group..<end)
        }
    }

    private func cachedShares(of count: Int, bytes: Int) -> [Range<Int>] {
        let share = max(1, Self.streamedBytes / bytes)
        return stride(from: 0, to: count, by: share).map { $0..<min(count, $0 + share) }
    }

    /// Tasks that read `count` pieces of memory of some bytes each, every task its share of what is left: long streams
    /// are read faster than short ones, and with short ones at the end the threads finish together.
    func streamedShares(of count: Int, bytes: Int) -> [Range<Int>] {
        let least = max(1, Self.streamedBytes / bytes)
        var shares: [Range<Int>] = []
        var first = 0
        while first < count {
            let end = min(count, first + max(least, (count - first) / (2 * team.count)))
            shares.append(first..<end)
            first = end
        }
        return shares
    }

    fileprivate enum Finish {
        case keep
        case gelu
        case geluTimes(gate: MatrixView)
    }

    private func multiply(
        _ x: MatrixView, _ weight: WeightMatrix, into y: MatrixView, accumulate: Bool = false,
        bias: UnsafePointer<Float>? = nil, finish: Finish = .keep, thread: Int
    ) {
        if x.rows <= Self.fewRows || weight.inputs == 0 || steadiness.isOn {
            fewRows(weight, into: y, accumulate: accumulate, thread: thread)
            if let bias { kernels.addRow(y, bias) }
            switch finish {
            case .keep: break
            case .gelu: kernels.gelu(y)
            case .geluTimes(let gate): kernels.geluTimes(gate, y)
            }
        } else {
            manyRows(x, weight, into: y, accumulate: accumulate, bias: bias, finish: finish, thread: thread)
        }
    }

    /// With the rows of x that were arranged.
    private func fewRows(_ weight: WeightMatrix, into y: MatrixView, accumulate: Bool, thread: Int) {
        if steadiness.isOn { return steadyRows(weight, into: y, accumulate: accumulate, thread: thread) }
        let memory = accumulate ? team.scratch(thread: thread, count: y.rows * weight.outputs) : y.base
        let product = accumulate ? MatrixView(base: memory, rows: y.rows, columns: weight.outputs) : y
        kernels.table.pointee.few_rows(
            weight.element.code, weight.base, weight.outputs, weight.inputs, weight.stride, arrangedRows.base, y.rows,
            product.base, product.stride)
        if accumulate { kernels.add(y, product) }
    }

    /// Group by group of the rows of x that were arranged so.
    private func steadyRows(_ weight: WeightMatrix, into y: MatrixView, accumulate: Bool, thread: Int) {
        let rows = ArrangedRows.groupRows
        let size = ArrangedRows.count(rows: rows, inputs: weight.inputs)
        let memory = team.scratch(thread: thread, count: rows * weight.outputs)
        for first in stride(from: 0, to: y.rows, by: rows) {
            kernels.table.pointee.few_rows(
                weight.element.code, weight.base, weight.outputs, weight.inputs, weight.stride,
                arrangedRows.base + first / rows * size, rows, memory, weight.outputs)
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

extension Linear.Product {
    /// The same for some rows of x.
    func rows(_ range: Range<Int>) -> Linear.Product {
        Linear.Product(weight: weight, y: y.rows(range), accumulate: accumulate, bias: bias, gelu: gelu)
    }

    /// The bias of some outputs.
    func withBias(_ outputs: Range<Int>, _ body: (UnsafePointer<Float>?) -> Void) {
        guard let bias else { return body(nil) }
        bias[outputs].withUnsafeBufferPointer { body($0.baseAddress) }
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

    /// The weights that are packed after this product.
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
