/// A matrix of weights [outputs, inputs]: as the checkpoint stores it, in int8 where products are to use that, and with
/// what adapters add.
///
/// Slices are views: nothing is copied to be split among ranks, and widening to float32 happens one cache-sized panel at a
/// time.
package struct WeightMatrix: Sendable {
    /// The weights in the mapped checkpoint.
    package let stored: StoredMatrix
    /// The same weights in int8, where products are to use those.
    package let quantized: QuantizedView?
    /// What each adapter adds to products with this matrix, in the order of the adapters; nil where none adds anything.
    let additions: [LowRankAddition?]?

    package init(
        tensor: StoredTensor, outputs: Int, inputs: Int, quantized: QuantizedMatrix? = nil,
        additions: [LowRankAddition?]? = nil
    ) {
        self.init(
            stored: StoredMatrix(tensor, outputs: outputs, inputs: inputs),
            quantized: quantized.map { QuantizedView($0) }, additions: additions)
    }

    private init(stored: StoredMatrix, quantized: QuantizedView?, additions: [LowRankAddition?]?) {
        self.stored = stored
        self.quantized = quantized
        self.additions = additions
    }

    package var outputs: Int { stored.outputs }
    package var inputs: Int { stored.inputs }
    package var element: ElementType { stored.element }
    /// Distance between two rows of the stored weights, in numbers.
    var stride: Int { stored.stride }
    /// The first stored weight.
    var base: UnsafeRawPointer { stored.base }

    /// Returns the rows of some outputs (a column parallel slice).
    package func outputs(_ range: Range<Int>) -> WeightMatrix {
        WeightMatrix(
            stored: stored.outputs(range), quantized: quantized?.outputs(range),
            additions: additions?.map { $0?.outputs(range) })
    }

    /// Returns the columns of some inputs (a row parallel slice).
    package func inputs(_ range: Range<Int>) -> WeightMatrix {
        WeightMatrix(
            stored: stored.inputs(range), quantized: quantized?.inputs(range),
            additions: additions?.map { $0?.inputs(range) })
    }

    /// The bytes of weights that a product reads.
    package var productBytes: Int { outputs * inputs * (quantized == nil ? element.size : 1) }

    /// Returns the address of an output's first stored weight.
    package func row(_ index: Int) -> UnsafeRawPointer { stored.row(index) }
}
