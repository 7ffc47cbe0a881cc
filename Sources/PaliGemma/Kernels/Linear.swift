import CKernels
import COpenBLAS

/// y = x · Wᵀ, the product that nearly all of the arithmetic is.
///
/// Many rows: each thread widens a panel of weight rows to float32, as much as stays in its cache, and multiplies
/// all rows of x with it (single-threaded sgemm). Few rows (decoding): weights go from memory straight into
/// registers, as the checkpoint stores them.
struct Linear {
    /// What happens to a panel of y after the product, while it is in the cache.
    enum Epilogue {
        case none
        /// y + bias
        case bias([Float])
        /// gelu_tanh(y + bias)
        case biasGELU([Float])
    }

    /// Up to this many rows of x the weights' bytes are what takes the time, not the multiplications.
    static let fewRows = 16
    /// Floats of a widened panel: 2 MB for small blocks of rows; 8 MB for large ones, since BLAS packs all rows of x
    /// anew for every panel.
    private static func panelFloats(rows: Int) -> Int { rows <= 512 ? 1 << 19 : 1 << 21 }
    /// Bytes of weights that one task of the few-rows path reads: enough to hide what taking a task costs.
    private static let taskBytes = 1 << 17

    let team: ThreadTeam
    let kernels: Kernels
    let meter: OperationMeter
    /// The input of the product at hand, where its weights have eight bits.
    let quantizedRows = QuantizedRows()

    init(team: ThreadTeam, kernels: Kernels = .current, meter: OperationMeter) {
        self.team = team
        self.kernels = kernels
        self.meter = meter
    }

    /// y [T, outputs] = x [T, inputs] · Wᵀ, or y += where `accumulate`.
    func callAsFunction(
        _ x: MatrixView, _ weight: WeightMatrix, into y: MatrixView, accumulate: Bool = false,
        then epilogue: Epilogue = .none
    ) {
        precondition(x.columns == weight.inputs && y.columns == weight.outputs && x.rows == y.rows)
        guard x.rows > 0, weight.outputs > 0 else { return }
        guard weight.inputs > 0 else {
            if !accumulate { y.fill(0) }
            return apply(epilogue, to: y, outputs: 0..<weight.outputs)
        }
        let start = Timeline.now()
        if let slice = weight.quantized?.slice(self) {
            quantizedRows.fill(x, for: slice, kernels: kernels, team: team)
            quantized(quantizedRows, slice, into: y, accumulate: accumulate, then: epilogue)
            return record([weight], rows: x.rows, from: start)
        }
        let panel = panelRows(weight, rows: x.rows)
        team.run((weight.outputs + panel - 1) / panel) { task, thread in
            let outputs = task * panel..<min(weight.outputs, (task + 1) * panel)
            let part = y.columns(outputs)
            multiply(x, weight.outputs(outputs), into: part, accumulate: accumulate, thread: thread)
            apply(epilogue, to: part, outputs: outputs)
        }
        record([weight], rows: x.rows, from: start)
    }

    /// hidden [T, F] = gelu_tanh(x · gateᵀ) * (x · upᵀ), both products of a panel one after the other.
    func gated(_ x: MatrixView, gate: WeightMatrix, up: WeightMatrix, into hidden: MatrixView) {
        precondition(gate.outputs == up.outputs && hidden.columns == gate.outputs && x.rows == hidden.rows)
        guard x.rows > 0, gate.outputs > 0 else { return }
        let start = Timeline.now()
        if let gateSlice = gate.quantized?.slice(self), let upSlice = up.quantized?.slice(self), gate.inputs > 0 {
            quantizedRows.fill(x, for: gateSlice, kernels: kernels, team: team)
            quantizedGated(quantizedRows, gate: gateSlice, up: upSlice, into: hidden)
            return record([gate, up], rows: x.rows, from: start)
        }
        let panel = panelRows(gate, rows: x.rows)
        team.run((gate.outputs + panel - 1) / panel) { task, thread in
            let outputs = task * panel..<min(gate.outputs, (task + 1) * panel)
            let part = hidden.columns(outputs)
            multiply(x, gate.outputs(outputs), into: part, accumulate: false, thread: thread)
            // The product's own scratch lies before the panel of `up`.
            let offset = scratchFloats(up.outputs(outputs), rows: x.rows)
            let memory = team.scratch(thread: thread, count: offset + x.rows * outputs.count)
            let upPart = MatrixView(base: memory + offset, rows: x.rows, columns: outputs.count)
            multiply(x, up.outputs(outputs), into: upPart, accumulate: false, thread: thread)
            kernels.geluTimes(part, upPart)
        }
        record([gate, up], rows: x.rows, from: start)
    }

    func record(_ weights: [WeightMatrix], rows: Int, from start: UInt64) {
        let count = weights.reduce(0) { $0 + $1.outputs * $1.inputs }
        let bytes = weights.reduce(0) { $0 + $1.productBytes }
        meter.record(.linear, from: start, operations: 2 * Double(rows) * Double(count), weightBytes: Double(bytes))
    }

    /// Rows of a panel: as many as the memory bound allows, then fewer, so that all threads get equally many panels.
    private func panelRows(_ weight: WeightMatrix, rows: Int) -> Int {
        let most =
            rows <= Self.fewRows
            ? Self.taskBytes / (weight.inputs * weight.element.size)
            : min(1024, Self.panelFloats(rows: rows) / weight.inputs)
        let panels = (weight.outputs + max(most, 16) - 1) / max(most, 16)
        let even = (panels + team.count - 1) / team.count * team.count
        // Multiples of 16 suit the kernels' tiles.
        return ((weight.outputs + even - 1) / even + 15) / 16 * 16
    }

    private func scratchFloats(_ weight: WeightMatrix, rows: Int) -> Int {
        rows <= Self.fewRows ? 0 : weight.outputs * weight.inputs
    }

    private func multiply(
        _ x: MatrixView, _ weight: WeightMatrix, into y: MatrixView, accumulate: Bool, thread: Int
    ) {
        if x.rows <= Self.fewRows {
            fewRows(x, weight, into: y, accumulate: accumulate, thread: thread)
        } else {
            manyRows(x, weight, into: y, accumulate: accumulate, thread: thread)
        }
    }

    private func fewRows(_ x: MatrixView, _ weight: WeightMatrix, into y: MatrixView, accumulate: Bool, thread: Int) {
        let memory = accumulate ? team.scratch(thread: thread, count: x.rows * weight.outputs) : y.base
        let product = accumulate ? MatrixView(base: memory, rows: x.rows, columns: weight.outputs) : y
        kernels.table.pointee.few_rows(
            weight.element.code, weight.base, weight.outputs, weight.inputs, weight.stride, x.base, x.rows, x.stride,
            product.base, product.stride)
        if accumulate { kernels.add(y, product) }
    }

    private func manyRows(_ x: MatrixView, _ weight: WeightMatrix, into y: MatrixView, accumulate: Bool, thread: Int) {
        let panel: UnsafePointer<Float>
        let stride: Int
        if weight.element == .float32, UInt(bitPattern: weight.base) % 4 == 0 {
            panel = UnsafePointer(weight.base.assumingMemoryBound(to: Float.self))
            stride = weight.stride
        } else {
            let memory = team.scratch(thread: thread, count: weight.outputs * weight.inputs)
            for row in 0..<weight.outputs {
                kernels.table.pointee.widen(
                    weight.element.code, weight.row(row), memory + row * weight.inputs, weight.inputs)
            }
            panel = UnsafePointer(memory)
            stride = weight.inputs
        }
        cblas_sgemm(
            CblasRowMajor, CblasNoTrans, CblasTrans, blasint(x.rows), blasint(weight.outputs), blasint(x.columns), 1,
            x.base, blasint(x.stride), panel, blasint(stride), accumulate ? 1 : 0, y.base, blasint(y.stride))
    }

    func apply(_ epilogue: Epilogue, to y: MatrixView, outputs: Range<Int>) {
        switch epilogue {
        case .none: return
        case .bias(let bias): bias.withUnsafeBufferPointer { kernels.addRow(y, $0.baseAddress! + outputs.lowerBound) }
        case .biasGELU(let bias):
            bias.withUnsafeBufferPointer { kernels.gelu(y, bias: $0.baseAddress! + outputs.lowerBound) }
        }
    }
}

/// BLAS is called by our own threads, one call a thread: it must start none of its own.
enum BLAS {
    static let prepared: Void = openblas_set_num_threads(1)
}
