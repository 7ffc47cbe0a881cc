import CKernels
import COpenBLAS

/// Products by OpenBLAS, for processors that the vector kernels are not written for, and for measurements beside them.
package enum BLAS {
    /// Makes OpenBLAS start no threads, once for the process: the threads of a team call it, each for a part of its own.
    package static let prepared: Void = openblas_set_num_threads(1)

    /// Sets how many threads OpenBLAS uses for a call, in the whole process.
    package static func setThreads(_ count: Int) { openblas_set_num_threads(Int32(count)) }

    /// OpenBLAS's name of the processor whose kernels it uses.
    package static var coreType: String { openblas_get_corename().map { String(cString: $0) } ?? "unknown" }

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

    /// y [M, N] = x [M, inputs] · w [inputs, N]
    package static func multiply(_ x: Operand, _ w: Operand, inputs: Int, into y: MatrixView) {
        cblas_sgemm(
            CblasRowMajor, x.isTransposed ? CblasTrans : CblasNoTrans, w.isTransposed ? CblasTrans : CblasNoTrans,
            blasint(y.rows), blasint(y.columns), blasint(inputs), 1, x.base, blasint(x.stride), w.base,
            blasint(w.stride), 0, y.base, blasint(y.stride))
    }

    /// What `multiply` of the scalar kernels means (CKernels/scalar.c), by sgemm: a group of a panel's outputs is a
    /// matrix [inputs, tile outputs].
    static func multiply(_ product: pg_product, kernels: Kernels) {
        let group = kernels.tileOutputs
        for first in stride(from: 0, to: product.outputs, by: group) {
            let count = min(group, product.outputs - first)
            cblas_sgemm(
                CblasRowMajor, CblasNoTrans, CblasNoTrans, blasint(product.rows), blasint(count),
                blasint(product.inputs), 1, product.x, blasint(product.ldx), product.panel + first * product.inputs,
                blasint(group), product.accumulate ? 1 : 0, product.y + first, blasint(product.ldy))
        }
        for row in 0..<product.rows {
            let y = product.y + row * product.ldy
            if let bias = product.bias { kernels.table.pointee.add(y, bias, product.outputs) }
            switch product.finish {
            case PG_GELU: kernels.table.pointee.gelu(y, nil, product.outputs)
            case PG_GELU_TIMES: kernels.table.pointee.gelu_times(product.gate + row * product.ldg, y, product.outputs)
            default: break
            }
        }
    }
}
