import CKernels
import COpenBLAS

/// Products by BLAS, for processors that the vector kernels are not written for. It is called by our own threads, one
/// call a thread: it must start none of its own.
package enum BLAS {
    package static let prepared: Void = openblas_set_num_threads(1)

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
