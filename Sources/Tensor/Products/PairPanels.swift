import CKernels

/// Panels of pairs of bfloat16 weights; x is rounded to bfloat16, once for all products with it.
struct PairPanels: PanelProducts, @unchecked Sendable {
    // @unchecked: a table of constants.
    let kernels: Kernels
    let pairs: UnsafePointer<pg_pair_kernels>

    var outputGroup: Int { pairs.pointee.tile_outputs }
    let inputGroup = 2
    let rowGroup = 1
    /// With ``maximumInputs(of:)`` a panel has 288 KB.
    let maximumOutputs = 144
    func maximumInputs(of element: ElementType) -> Int { 1024 }
    /// So many rows of y stay in the cache from one panel of inputs to the next.
    func maximumRows(inputs: Int, of element: ElementType) -> Int { 1024 }

    private func pairs(_ inputs: Int) -> Int { (inputs + 1) / 2 }

    func rowFloats(rows: Int, inputs: Int) -> Int { rows * pairs(inputs) }

    func arrange(_ x: MatrixView, into memory: UnsafeMutablePointer<Float>) {
        for row in 0..<x.rows {
            let pairs = memory + row * pairs(x.columns)
            if x.columns % 2 == 1 { pairs[x.columns / 2] = 0 }
            pairs.withMemoryRebound(to: UInt16.self, capacity: x.columns) {
                kernels.table.pointee.narrow(x.row(row), $0, x.columns)
            }
        }
    }

    func panelFloats(outputs: Int, inputs: Int, of element: ElementType) -> Int {
        (outputs + outputGroup - 1) / outputGroup * outputGroup * pairs(inputs)
    }

    func pack(_ weights: PanelSource, into panel: UnsafeMutablePointer<Float>) {
        precondition(weights.element == .bfloat16)
        pairs.pointee.pack(weights.base, weights.outputs, weights.inputs, weights.stride, panel)
    }

    func packColumns(_ values: MatrixView, into panel: UnsafeMutablePointer<Float>) {
        preconditionFailure("values are float32, and pairs are of bfloat16 weights")
    }

    func multiply(_ x: PanelRows, _ panel: Panel, into output: PanelOutput, next: pg_next) {
        guard let arranged = x.arranged else { return }
        let row = pairs(x.x.columns)
        var product = pg_product(
            x: arranged + x.rows.lowerBound * row + x.inputs.lowerBound / 2, rows: x.rows.count, ldx: row,
            panel: panel.base, inputs: pairs(panel.inputs), outputs: panel.outputs, out: output.code, next: next)
        pairs.pointee.multiply(&product)
    }
}
