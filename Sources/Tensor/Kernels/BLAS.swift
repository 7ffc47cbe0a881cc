import CKernels
import COpenBLAS

/// Products by OpenBLAS, for processors that the vector kernels are not written for, and for measurements beside them.
package enum BLAS {
    /// Makes OpenBLAS start no threads, once for the process: the threads of a team call it, each for a part of its own.
    package static let prepared: Void = openblas_set_num_threads(1)

    /// Sets how many threads OpenBLAS uses for a call, in the whole process.
    package static func setThreads(_ count: Int) { openblas_set_num_threads(Int32(count)) }

    /// The processor that OpenBLAS takes this one for.
    package static var coreType: String { String(cString: openblas_get_corename()) }

    /// A matrix of a product: where it starts, the distance of its rows in numbers, and whether it is stored transposed.
    package struct Operand {
        let base: UnsafePointer<Float>
        let stride: Int
        let isTransposed: Bool

        package init(_ base: UnsafePointer<Float>, stride: Int, isTransposed: Bool) {
            self.base = base
            self.stride = stride
            self.isTransposed = isTransposed
        }
    }

    /// y [M, N] = x [M, inputs] · w [inputs, N], or y += where `accumulate`
    package static func multiply(
        _ x: Operand, _ w: Operand, inputs: Int, into y: MatrixView, accumulate: Bool = false
    ) {
        cblas_sgemm(
            CblasRowMajor, x.isTransposed ? CblasTrans : CblasNoTrans, w.isTransposed ? CblasTrans : CblasNoTrans,
            blasint(y.rows), blasint(y.columns), blasint(inputs), 1, x.base, blasint(x.stride), w.base,
            blasint(w.stride), accumulate ? 1 : 0, y.base, blasint(y.stride))
    }
}

// MARK: Whether it is right

extension BLAS {
    /// Why OpenBLAS cannot be used here: a build may be wrong on a processor that it takes for another. Nil where its products
    /// are right.
    package static let obstacle: String? = {
        _ = prepared
        return obstacle { x, w, inputs, y in
            multiply(x, w, inputs: inputs, into: y, accumulate: true)
        }
    }()

    /// Compares products with those in float64: both layouts, sizes with and without rests, and one that is too large for
    /// the kernels that some builds have for small products.
    ///
    /// - Parameter product: y [M, N] += x [M, inputs] · w [inputs, N]
    package static func obstacle(_ product: (Operand, Operand, Int, MatrixView) -> Void) -> String? {
        for (rows, inputs, outputs) in [(1, 64, 16), (5, 33, 7), (37, 129, 70), (100, 130, 100)] {
            for isTransposed in [false, true] where !isRight(product, rows, inputs, outputs, isTransposed) {
                return "OpenBLAS multiplies wrongly with its kernels for \(coreType). Install another build of it, or "
                    + "name another processor in OPENBLAS_CORETYPE"
            }
        }
        return nil
    }

    private static func isRight(
        _ product: (Operand, Operand, Int, MatrixView) -> Void, _ rows: Int, _ inputs: Int, _ outputs: Int,
        _ isTransposed: Bool
    ) -> Bool {
        let gap = 3  // between the rows of y
        let x = sample(rows: rows, columns: inputs, seed: 1)
        let (wRows, wColumns) = isTransposed ? (outputs, inputs) : (inputs, outputs)
        let w = sample(rows: wRows, columns: wColumns, seed: 2)
        let memory = Matrix(rows: rows, columns: outputs + gap)
        memory.view.fill(1)
        let y = memory.view.columns(0..<outputs)
        product(
            Operand(x.view.base, stride: inputs, isTransposed: false),
            Operand(w.view.base, stride: wColumns, isTransposed: isTransposed), inputs, y)
        for row in 0..<rows {
            for output in 0..<outputs {
                var (sum, size) = (1.0, 1.0)
                for k in 0..<inputs {
                    let weight = isTransposed ? w.view.row(output)[k] : w.view.row(k)[output]
                    let term = Double(x.view.row(row)[k]) * Double(weight)
                    sum += term
                    size += abs(term)
                }
                guard abs(Double(y.row(row)[output]) - sum) <= 1e-5 * size else { return false }
            }
            guard memory.view.row(row)[outputs] == 1 else { return false }
        }
        return true
    }

    /// Returns numbers from -1 to 1.
    private static func sample(rows: Int, columns: Int, seed: UInt32) -> Matrix {
        let matrix = Matrix(rows: rows, columns: columns)
        var state = seed
        for index in 0..<rows * columns {
            state = state &* 1_664_525 &+ 1_013_904_223
            matrix.view.base[index] = Float(Int32(bitPattern: state)) / Float(Int32.max)
        }
        return matrix
    }
}
