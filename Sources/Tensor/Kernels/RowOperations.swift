import CKernels

/// The operations between two products, row by row. CKernels/scalar.c defines each.
extension Kernels {
    /// out = layer norm of x [T, D], over D.
    package func layerNorm(
        _ x: MatrixView, weight: [Float], bias: [Float], epsilon: Float, into out: MatrixView
    ) {
        precondition(x.rows == out.rows && x.columns == out.columns && weight.count == x.columns)
        for row in 0..<x.rows {
            table.pointee.layer_norm(x.row(row), weight, bias, epsilon, out.row(row), x.columns)
        }
    }

    /// out = x * rsqrt(mean(x²) + epsilon) * (1 + weight), x [T, D], over D.
    package func rmsNorm(_ x: MatrixView, weight: [Float], epsilon: Float, into out: MatrixView) {
        precondition(x.rows == out.rows && x.columns == out.columns && weight.count == x.columns)
        for row in 0..<x.rows {
            table.pointee.rms_norm(x.row(row), weight, epsilon, out.row(row), x.columns)
        }
    }

    /// x += y
    package func add(_ x: MatrixView, _ y: MatrixView) {
        precondition(x.rows == y.rows && x.columns == y.columns)
        for row in 0..<x.rows { table.pointee.add(x.row(row), y.row(row), x.columns) }
    }

    /// x += row, for every row of x.
    func addRow(_ x: MatrixView, _ values: UnsafePointer<Float>) {
        for row in 0..<x.rows { table.pointee.add(x.row(row), values, x.columns) }
    }

    /// x = gelu_tanh(x)
    func gelu(_ x: MatrixView) {
        for row in 0..<x.rows { table.pointee.gelu(x.row(row), nil, x.columns) }
    }

    /// gate = gelu_tanh(gate) * up
    func geluTimes(_ gate: MatrixView, _ up: MatrixView) {
        precondition(gate.rows == up.rows && gate.columns == up.columns)
        for row in 0..<gate.rows { table.pointee.gelu_times(gate.row(row), up.row(row), gate.columns) }
    }

    /// Returns the largest value of a row and the index of its first occurrence.
    package func argMax(_ x: MatrixView, row: Int) -> (index: Int, value: Float) {
        var value: Float = 0
        let index = table.pointee.arg_max(x.row(row), x.columns, &value)
        return (index, value)
    }

    /// Returns the sum of exp(x - maximum) over a row.
    package func sumExp(_ x: MatrixView, row: Int, maximum: Float) -> Double {
        table.pointee.sum_exp(x.row(row), x.columns, maximum)
    }
}
