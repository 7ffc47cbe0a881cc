import CKernels

/// Panels of weights widened to float32 in the order in which they are stored, multiplied by OpenBLAS.
struct BLASPanels: PanelProducts {
    let kernels: Kernels

    let outputGroup = 16
    let inputGroup = 1
    let rowGroup = 1
    /// With ``maximumInputs(of:)`` a panel has 1 MB: OpenBLAS packs it once more, and gains from larger products.
    let maximumOutputs = 256
    func maximumInputs(of element: ElementType) -> Int { 1024 }
    func maximumRows(inputs: Int, of element: ElementType) -> Int { 1024 }

    func rowFloats(rows: Int, inputs: Int) -> Int { 0 }
    func arrange(_ x: MatrixView, into memory: UnsafeMutablePointer<Float>) {}

    func panelFloats(outputs: Int, inputs: Int, of element: ElementType) -> Int { outputs * inputs }

    func pack(_ weights: PanelSource, into panel: UnsafeMutablePointer<Float>) {
        let row = weights.stride * weights.element.size
        for output in 0..<weights.outputs {
            kernels.table.pointee.widen(
                weights.element.code, weights.base + output * row, panel + output * weights.inputs, weights.inputs)
        }
    }

    func packColumns(_ values: MatrixView, into panel: UnsafeMutablePointer<Float>) {
        MatrixView(base: panel, rows: values.rows, columns: values.columns).copy(from: values)
    }

    func multiply(_ x: PanelRows, _ panel: Panel, into output: PanelOutput, next: pg_next) {
        let (view, y) = (x.view, output.y)
        if panel.inputs > 0 {
            BLAS.multiply(
                BLAS.Operand(view.base, stride: view.stride, isTransposed: false),
                BLAS.Operand(
                    panel.base, stride: panel.isOfColumns ? panel.outputs : panel.inputs,
                    isTransposed: !panel.isOfColumns), inputs: panel.inputs, into: y, accumulate: output.accumulate)
        } else if !output.accumulate {
            y.fill(0)
        }
        kernels.finish(output)
    }
}
