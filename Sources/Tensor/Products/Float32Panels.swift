import CKernels

/// Panels of weights widened to float32; x is read where it lies.
struct Float32Panels: PanelProducts, @unchecked Sendable {
    // @unchecked: a table of constants.
    let table: UnsafePointer<pg_kernels>

    var outputGroup: Int { table.pointee.tile_outputs }
    let inputGroup = 1
    let rowGroup = 1
    /// With ``maximumInputs(of:)`` a panel has 288 KB.
    let maximumOutputs = 144
    func maximumInputs(of element: ElementType) -> Int { 512 }
    /// So many rows of y stay in the cache from one panel of inputs to the next.
    func maximumRows(inputs: Int, of element: ElementType) -> Int { 1024 }

    func rowFloats(rows: Int, inputs: Int) -> Int { 0 }
    func arrange(_ x: MatrixView, into memory: UnsafeMutablePointer<Float>) {}

    func panelFloats(outputs: Int, inputs: Int, of element: ElementType) -> Int {
        (outputs + outputGroup - 1) / outputGroup * outputGroup * inputs
    }

    func pack(_ weights: PanelSource, into panel: UnsafeMutablePointer<Float>) {
        table.pointee.pack(
            weights.element.code, weights.base, weights.outputs, weights.inputs, weights.stride, panel)
    }

    func packColumns(_ values: MatrixView, into panel: UnsafeMutablePointer<Float>) {
        table.pointee.pack_columns(values.base, values.rows, values.columns, values.stride, panel)
    }

    func multiply(_ x: PanelRows, _ panel: Panel, into output: PanelOutput, next: pg_next) {
        let view = x.view
        var product = pg_product(
            x: view.base, rows: view.rows, ldx: view.stride, panel: panel.base, inputs: panel.inputs,
            outputs: panel.outputs, out: output.code, next: next)
        table.pointee.multiply(&product)
    }
}
