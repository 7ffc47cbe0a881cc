/// A matrix of weights [outputs, inputs] as the checkpoint holds it, row-major in the mapped file.
///
/// Slices are views: nothing is copied to be split among ranks, and widening to float32 happens one cache-sized panel at a
/// time.
package struct WeightMatrix: @unchecked Sendable {
    // @unchecked: the mapping is read-only and kept alive by `mapping`.
    package let base: UnsafeRawPointer
    package let element: ElementType
    package let outputs: Int
    package let inputs: Int
    let stride: Int
    private let mapping: MappedFile
    /// The same weights in int8, where products are to use those.
    package let quantized: QuantizedView?
    /// What each adapter adds to products with this matrix, in the order of the adapters; nil where none adds anything.
    let additions: [LowRankAddition?]?

    package init(
        tensor: StoredTensor, outputs: Int, inputs: Int, quantized: QuantizedMatrix? = nil,
        additions: [LowRankAddition?]? = nil
    ) {
        precondition(tensor.entry.range.count == outputs * inputs * tensor.entry.element.size)
        self.init(
            base: tensor.mapping.start + tensor.entry.range.lowerBound,
            element: tensor.entry.element, outputs: outputs, inputs: inputs, stride: inputs, mapping: tensor.mapping,
            quantized: quantized.map { QuantizedView($0) }, additions: additions)
    }

    private init(
        base: UnsafeRawPointer, element: ElementType, outputs: Int, inputs: Int, stride: Int, mapping: MappedFile,
        quantized: QuantizedView?, additions: [LowRankAddition?]?
    ) {
        self.base = base
        self.element = element
        self.outputs = outputs
        self.inputs = inputs
        self.stride = stride
        self.mapping = mapping
        self.quantized = quantized
        self.additions = additions
    }

    /// Returns the rows of some outputs (a column parallel slice).
    package func outputs(_ range: Range<Int>) -> WeightMatrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= outputs)
        return WeightMatrix(
            base: base + range.lowerBound * stride * element.size, element: element, outputs: range.count,
            inputs: inputs, stride: stride, mapping: mapping, quantized: quantized?.outputs(range),
            additions: additions?.map { $0?.outputs(range) })
    }

    /// Returns the columns of some inputs (a row parallel slice).
    package func inputs(_ range: Range<Int>) -> WeightMatrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= inputs)
        return WeightMatrix(
            base: base + range.lowerBound * element.size, element: element, outputs: outputs,
            inputs: range.count, stride: stride, mapping: mapping, quantized: quantized?.inputs(range),
            additions: additions?.map { $0?.inputs(range) })
    }

    /// The bytes of weights that a product reads.
    package var productBytes: Int { outputs * inputs * (quantized == nil ? element.size : 1) }

    package func row(_ index: Int) -> UnsafeRawPointer {
        precondition(index >= 0 && index < outputs)
        return base + index * stride * element.size
    }
}
