import CKernels

/// y = x · Wᵀ, the product that nearly all of the arithmetic is.
///
/// - Many rows: ``PanelProducts``, a cache-sized panel of weights at a time.
/// - Few rows (decoding): ``FewRowsProducts``, weights from memory straight into registers.
/// - int8 weights: QuantizedProducts.swift.
package struct Linear {
    /// One product of several with the same x, done in one region of the team.
    package struct Product: Sendable {
        let weight: WeightMatrix  // [outputs, inputs]
        let y: MatrixView  // [T, outputs]
        var accumulate = false
        var bias: [Float]?  // [outputs]
        /// Whether y = gelu_tanh(y) follows.
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

    /// Bytes of weights that a task for few rows reads at least.
    static let streamedBytes = 1 << 18

    package let team: ThreadTeam
    package let kernels: Kernels
    package let activations: ActivationPrecision
    package let meter: OperationMeter
    /// Memory for the input of a product with int8 weights.
    let quantizedRows = QuantizedRows()
    /// Memory for the input of a product as the kernels read it.
    let arrangedRows = ArrangedRows()
    /// Memory for what adapters' products leave in between.
    let lowRankRows = LowRankRows()
    let upRows = LowRankRows()

    package init(
        team: ThreadTeam, kernels: Kernels = .current, activations: ActivationPrecision = .float32,
        meter: OperationMeter
    ) {
        self.team = team
        self.kernels = kernels
        self.activations = activations
        self.meter = meter
    }

    /// y [T, outputs] = x [T, inputs] · Wᵀ, or y += where `accumulate`, with what the rows' adapters add.
    package func callAsFunction(
        _ x: MatrixView, _ weight: WeightMatrix, into y: MatrixView, accumulate: Bool = false, bias: [Float]? = nil,
        gelu: Bool = false, context: ProductContext
    ) {
        callAsFunction(
            x, [Product(weight: weight, y: y, accumulate: accumulate, bias: bias, gelu: gelu)], context: context)
    }

    /// Several products with the same x: their tasks fill the team together.
    package func callAsFunction(_ x: MatrixView, _ products: [Product], context: ProductContext) {
        guard products.contains(where: { context.adapters.add(to: $0.weight) }) else {
            return multiply(x, products, context)
        }
        multiply(x, products.map(\.withoutGelu), context)
        addLowRank(x, products, context)
        // The activation follows the additions.
        for product in products where product.gelu {
            team.rows(x.rows) { [kernels] in kernels.gelu(product.y.rows($0)) }
        }
    }

    /// hidden [T, F] = gelu_tanh(x · gateᵀ) * (x · upᵀ), with what the rows' adapters add to either.
    package func gated(
        _ x: MatrixView, gate: WeightMatrix, up: WeightMatrix, into hidden: MatrixView, context: ProductContext
    ) {
        precondition(gate.outputs == up.outputs && hidden.columns == gate.outputs && x.rows == hidden.rows)
        let areAlike = gate.element == up.element && (gate.quantized == nil) == (up.quantized == nil)
        if !areAlike || context.adapters.add(to: gate) || context.adapters.add(to: up) {
            let other = upRows.view(rows: x.rows, columns: up.outputs)
            self(x, [Product(weight: gate, y: hidden), Product(weight: up, y: other)], context: context)
            team.rows(x.rows) { [kernels] in kernels.geluTimes(hidden.rows($0), other.rows($0)) }
        } else if gate.quantized != nil {
            forEachQuantizationBatch(of: x, context) { rows in
                gatedQuantized(x.rows(rows), gate: gate, up: up, into: hidden.rows(rows), context)
            }
        } else {
            gatedStored(x, gate: gate, up: up, into: hidden, context)
        }
    }

    /// The products without adapters, each with the weights that it has.
    private func multiply(_ x: MatrixView, _ products: [Product], _ context: ProductContext) {
        for product in products {
            precondition(x.columns == product.weight.inputs && product.y.columns == product.weight.outputs)
            precondition(x.rows == product.y.rows)
        }
        let quantized = products.filter { $0.weight.quantized != nil }
        if !quantized.isEmpty {
            forEachQuantizationBatch(of: x, context) { rows in
                multiplyQuantized(x.rows(rows), quantized.map { $0.rows(rows) }, context)
            }
        }
        let stored = products.filter { $0.weight.quantized == nil }
        if !stored.isEmpty { multiplyStored(x, stored, context) }
    }

    /// Calls `body` with the rows that are quantized together.
    private func forEachQuantizationBatch(of x: MatrixView, _ context: ProductContext, _ body: (Range<Int>) -> Void) {
        guard context.isBatchInvariant else { return body(0..<x.rows) }
        for row in 0..<x.rows { body(row..<row + 1) }
    }

    func record(_ weights: [WeightMatrix], rows: Int, from start: UInt64, _ context: ProductContext) {
        let count = weights.reduce(0) { $0 + $1.outputs * $1.inputs }
        let bytes = weights.reduce(0) { $0 + $1.productBytes }
        meter.record(
            .linear, in: context.phase, from: start, operations: 2 * Double(rows) * Double(count),
            weightBytes: Double(bytes))
    }
}

extension Linear.Product {
    /// The same product for some rows of x.
    func rows(_ range: Range<Int>) -> Linear.Product {
        Linear.Product(weight: weight, y: y.rows(range), accumulate: accumulate, bias: bias, gelu: gelu)
    }

    fileprivate var withoutGelu: Linear.Product {
        Linear.Product(weight: weight, y: y, accumulate: accumulate, bias: bias)
    }

    /// What follows the product and its bias.
    var finish: PanelOutput.Finish { gelu ? .gelu : .keep }

    /// Calls `body` with the bias of some outputs, or nil.
    func withBias(_ outputs: Range<Int>, _ body: (UnsafePointer<Float>?) -> Void) {
        guard let bias else { return body(nil) }
        bias[outputs].withUnsafeBufferPointer { body($0.baseAddress) }
    }
}
