import CKernels
import Foundation

/// A set of kernels. ``current`` is chosen at the first use: the fastest set that the processor has, or the one that the
/// environment variable `PALIGEMMA_KERNELS` (scalar, avx2, avx512) names.
package struct Kernels: @unchecked Sendable {
    // @unchecked: a table of constants.
    package let table: UnsafePointer<pg_kernels>
    /// The int8 kernels of the same level.
    package let int8: UnsafePointer<pg_int8_kernels>

    package static let current: Kernels = {
        let best = available.last ?? .scalar
        return (try? requested()) ?? best
    }()

    /// Returns the set that `PALIGEMMA_KERNELS` names. Nil where the variable is not set.
    ///
    /// - Throws: ``UnknownKernels`` where there is no such set, or this processor does not have it.
    package static func requested() throws(UnknownKernels) -> Kernels? {
        guard let wanted = ProcessInfo.processInfo.environment["PALIGEMMA_KERNELS"], !wanted.isEmpty else { return nil }
        guard let level = Level(rawValue: wanted), let kernels = Kernels(level: level) else {
            throw UnknownKernels(name: wanted)
        }
        return kernels
    }

    package struct UnknownKernels: Error, CustomStringConvertible {
        let name: String

        package var description: String {
            let known = Kernels.available.map(\.name).joined(separator: ", ")
            return "PALIGEMMA_KERNELS is \(name); this processor has \(known)"
        }
    }

    /// The scalar twins, which every processor has.
    package static let scalar = Kernels(table: pg_kernels_at(PG_SCALAR), int8: pg_int8_kernels_at(PG_SCALAR))

    package enum Level: String, CaseIterable, Sendable {
        case scalar, avx2, avx512
    }

    /// The sets that this processor has, the scalar twins first and the fastest last.
    package static let available = Level.allCases.compactMap { Kernels(level: $0) }

    /// Returns the set of a level, or nil where this processor does not have it.
    package init?(level: Level) {
        let code: pg_level
        switch level {
        case .scalar: code = PG_SCALAR
        case .avx2: code = PG_AVX2
        case .avx512: code = PG_AVX512
        }
        guard let table = pg_kernels_at(code), let int8 = pg_int8_kernels_at(code) else { return nil }
        self.init(table: table, int8: int8)
    }

    private init(table: UnsafePointer<pg_kernels>, int8: UnsafePointer<pg_int8_kernels>) {
        self.table = table
        self.int8 = int8
    }

    package var name: String { String(cString: table.pointee.name) }

    /// Up to this many rows of x, reading the weights takes the time of a product, not the multiplications.
    static let fewRows = 16

    /// Number of outputs that a packed panel holds side by side.
    var tileOutputs: Int { table.pointee.tile_outputs }

    /// Returns the number of float32 in a packed panel.
    func panelFloats(outputs: Int, inputs: Int) -> Int {
        (outputs + tileOutputs - 1) / tileOutputs * tileOutputs * inputs
    }

    /// Computes a product with a packed panel, for many rows.
    func multiply(_ product: pg_product) {
        if table == Kernels.scalar.table { return BLAS.multiply(product, kernels: self) }
        withUnsafePointer(to: product) { table.pointee.multiply($0) }
    }
}

extension ElementType {
    package var code: pg_element {
        switch self {
        case .float32: return PG_FLOAT32
        case .bfloat16: return PG_BFLOAT16
        case .float16: return PG_FLOAT16
        }
    }
}

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
