/// A matrix [outputs, inputs] as the checkpoint stores it, row-major in the mapped file. Slices are views: nothing is
/// copied.
package struct StoredMatrix: @unchecked Sendable {
    // @unchecked: the mapping is read-only and kept alive by `mapping`.

    /// The first number of the first row.
    package let base: UnsafeRawPointer
    package let element: ElementType
    package let outputs: Int
    package let inputs: Int
    /// Distance between two rows, in numbers.
    package let stride: Int
    private let mapping: MappedFile

    /// A whole tensor as a matrix. Its numbers lie row by row, whatever its shape is.
    package init(_ tensor: StoredTensor, outputs: Int, inputs: Int) {
        precondition(tensor.entry.range.count == outputs * inputs * tensor.entry.element.size)
        self.init(
            base: tensor.mapping.start + tensor.entry.range.lowerBound, element: tensor.entry.element,
            outputs: outputs, inputs: inputs, stride: inputs, mapping: tensor.mapping)
    }

    private init(
        base: UnsafeRawPointer, element: ElementType, outputs: Int, inputs: Int, stride: Int, mapping: MappedFile
    ) {
        self.base = base
        self.element = element
        self.outputs = outputs
        self.inputs = inputs
        self.stride = stride
        self.mapping = mapping
    }

    /// Returns the rows of some outputs.
    package func outputs(_ range: Range<Int>) -> StoredMatrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= outputs)
        return StoredMatrix(
            base: base + range.lowerBound * stride * element.size, element: element, outputs: range.count,
            inputs: inputs, stride: stride, mapping: mapping)
    }

    /// Returns the columns of some inputs.
    package func inputs(_ range: Range<Int>) -> StoredMatrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= inputs)
        return StoredMatrix(
            base: base + range.lowerBound * element.size, element: element, outputs: outputs, inputs: range.count,
            stride: stride, mapping: mapping)
    }

    /// Returns the address of an output's first number.
    package func row(_ index: Int) -> UnsafeRawPointer {
        precondition(index >= 0 && index < outputs)
        return base + index * stride * element.size
    }
}
