import CKernels

/// Products of many rows. A thread packs some outputs' weights into a *panel* that stays in its second cache, in the order in
/// which the inner loop reads it, and multiplies all rows with it. What a panel holds and how rows are read depends on the
/// kernels: ``Float32Panels``, ``BLASPanels``, ``PairPanels``, ``TilePanels``.
protocol PanelProducts: Sendable {
    /// Outputs that a panel holds side by side: a product is cut at multiples of it.
    var outputGroup: Int { get }
    /// Panels begin at multiples of this many inputs.
    var inputGroup: Int { get }
    /// Rows that are multiplied together: a product is cut at multiples of it.
    var rowGroup: Int { get }
    /// Outputs and inputs of the largest panel that stays in the second cache.
    var maximumOutputs: Int { get }
    func maximumInputs(of element: ElementType) -> Int
    /// Rows of a task at most.
    func maximumRows(inputs: Int, of element: ElementType) -> Int

    /// Returns the number of float32 that rows take when they are arranged; 0 where they are read in place.
    func rowFloats(rows: Int, inputs: Int) -> Int
    /// Arranges rows of x [T, inputs], from a row on that is a multiple of ``rowGroup``.
    ///
    /// - Parameter memory: ``rowFloats(rows:inputs:)`` float32, 64-byte aligned.
    func arrange(_ x: MatrixView, into memory: UnsafeMutablePointer<Float>)

    /// Returns the number of float32 that a panel takes.
    func panelFloats(outputs: Int, inputs: Int, of element: ElementType) -> Int
    /// Packs weights [outputs, inputs].
    func pack(_ weights: PanelSource, into panel: UnsafeMutablePointer<Float>)
    /// Packs float32 values [inputs, outputs].
    func packColumns(_ values: MatrixView, into panel: UnsafeMutablePointer<Float>)

    /// y [T, outputs] = or += x · panel, and what ``PanelOutput`` says.
    func multiply(_ x: PanelRows, _ panel: Panel, into output: PanelOutput, next: pg_next)
}

/// Weights that become a panel: a matrix in memory.
struct PanelSource {
    let element: ElementType
    let base: UnsafeRawPointer
    let outputs: Int
    let inputs: Int
    /// Distance between two outputs, in numbers.
    let stride: Int

    init(_ weight: WeightMatrix) {
        (element, base, stride) = (weight.element, weight.base, weight.stride)
        (outputs, inputs) = (weight.outputs, weight.inputs)
    }

    init(_ view: MatrixView) {
        (element, base, stride) = (.float32, UnsafeRawPointer(view.base), view.stride)
        (outputs, inputs) = (view.rows, view.columns)
    }
}

/// Some rows and inputs of x, as ``PanelProducts/arrange(_:into:)`` left them, or in place.
struct PanelRows: @unchecked Sendable {
    // @unchecked: written before the region of the team that reads it.
    /// Where the arranged rows begin; nil where rows are read in place.
    let arranged: UnsafeMutablePointer<Float>?
    /// x [T, all inputs]
    let x: MatrixView
    var rows: Range<Int>
    var inputs: Range<Int>

    init(_ x: MatrixView, arranged: UnsafeMutablePointer<Float>? = nil) {
        self.arranged = arranged
        self.x = x
        rows = 0..<x.rows
        inputs = 0..<x.columns
    }

    /// x of these rows and inputs, for those who read it in place.
    var view: MatrixView { x.rows(rows).columns(inputs) }
}

/// A packed panel.
struct Panel: @unchecked Sendable {
    // @unchecked: as ``PanelRows``.
    let base: UnsafeMutablePointer<Float>
    let outputs: Int
    let inputs: Int
    /// The type of the weights that it was made of.
    let element: ElementType
    /// Whether it was made of values [inputs, outputs].
    var isOfColumns = false
}

/// Where a product goes, and what follows it before its rows leave the cache.
struct PanelOutput {
    let y: MatrixView  // [T, outputs]
    var accumulate = false
    var bias: UnsafePointer<Float>?
    var finish = Finish.keep

    enum Finish {
        case keep
        /// y = gelu_tanh(y)
        case gelu
        /// gate = gelu_tanh(gate) * y
        case geluTimes(gate: MatrixView)
    }

    /// The same as the kernels take it.
    var code: pg_output {
        var output = pg_output(
            y: y.base, ldy: y.stride, accumulate: accumulate, bias: bias, finish: PG_KEEP, gate: nil, ldg: 0)
        switch finish {
        case .keep: break
        case .gelu: output.finish = PG_GELU
        case .geluTimes(let gate):
            output.finish = PG_GELU_TIMES
            (output.gate, output.ldg) = (gate.base, gate.stride)
        }
        return output
    }
}

extension Kernels {
    /// Adds the bias and does what follows a product, where the product itself did not.
    func finish(_ output: PanelOutput) {
        if let bias = output.bias { addRow(output.y, bias) }
        switch output.finish {
        case .keep: break
        case .gelu: gelu(output.y)
        case .geluTimes(let gate): geluTimes(gate, output.y)
        }
    }

    /// How products of many rows with weights of a type are made.
    func panels(for element: ElementType, _ activations: ActivationPrecision) -> any PanelProducts {
        if let tiles { return TilePanels(tiles: tiles, rowParts: activations == .bfloat16 ? 1 : TilePanels.allParts) }
        if activations == .bfloat16, element == .bfloat16, let pairs { return PairPanels(kernels: self, pairs: pairs) }
        return usesBLAS ? BLASPanels(kernels: self) : Float32Panels(table: table)
    }

    /// Whether products with weights of a type are faster with activations that are rounded to bfloat16.
    package func multipliesRounded(_ element: ElementType) -> Bool {
        tiles != nil || pairs != nil && element == .bfloat16
    }
}
