import Tensor
import Testing

@Suite("OpenBLAS is trusted only where it is right")
struct BLASTests {
    @Test("The installed build is right, or the set of kernels that uses it is not there")
    func installed() {
        #expect((BLAS.obstacle == nil) == (Kernels(level: .blas) != nil))
    }

    /// As builds are that use the kernels of another processor: right for whole blocks, wrong for what is left over.
    @Test("A build that is wrong for some sizes is refused, with the processor that it takes this one for")
    func wrong() throws {
        let obstacle = BLAS.obstacle { x, w, inputs, y in
            BLAS.multiply(x, w, inputs: inputs, into: y)
            if y.rows % 4 != 0, y.rows > 4 { y.row(y.rows - 1)[0] += 0.01 }
        }
        #expect(try #require(obstacle).contains(BLAS.coreType))
        #expect(BLAS.obstacle { _, _, _, _ in } != nil)
        #expect(BLAS.obstacle { x, w, inputs, y in BLAS.multiply(x, w, inputs: inputs, into: y) } == nil)
    }
}
