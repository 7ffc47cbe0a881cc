import Tensor
import Testing

@Suite("OpenBLAS is trusted only where it is right")
struct BLASTests {
    /// As builds are that use the kernels of another processor: right for whole blocks, wrong for what is left over.
    @Test("A build that is wrong for some sizes is refused, with the processor that it takes this one for")
    func wrong() throws {
        func product(_ x: BLAS.Operand, _ w: BLAS.Operand, _ inputs: Int, _ y: MatrixView) {
            BLAS.multiply(x, w, inputs: inputs, into: y, accumulate: true)
        }
        let wrongRests = BLAS.obstacle { x, w, inputs, y in
            product(x, w, inputs, y)
            if y.rows % 4 != 0, y.rows > 4 { y.row(y.rows - 1)[0] += 0.01 }
        }
        #expect(try #require(wrongRests).contains(BLAS.coreType))
        let wrongLarge = BLAS.obstacle { x, w, inputs, y in
            product(x, w, inputs, y)
            if y.rows * y.columns * inputs > 1_000_000 { y.row(50)[50] = 100 }
        }
        #expect(wrongLarge != nil)
        #expect(BLAS.obstacle { _, _, _, _ in } != nil, "nothing was multiplied")
        let overwriting = BLAS.obstacle { x, w, inputs, y in BLAS.multiply(x, w, inputs: inputs, into: y) }
        #expect(overwriting != nil, "nothing was added to")
        #expect(BLAS.obstacle(product) == nil || Kernels(level: .blas) == nil)
    }
}
