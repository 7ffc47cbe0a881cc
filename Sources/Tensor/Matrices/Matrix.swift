import Foundation

/// A row-major float32 matrix that somebody else owns: where it starts, its rows and columns, and the distance
/// between two rows in elements.
///
/// Views are handed to compute threads, each of which writes rows or columns of its own.
package struct MatrixView: @unchecked Sendable {
    package let base: UnsafeMutablePointer<Float>
    package let rows: Int
    package let columns: Int
    package let stride: Int

    package init(base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    package func rows(_ range: Range<Int>) -> MatrixView {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows)
        return MatrixView(base: base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
    }

    package func columns(_ range: Range<Int>) -> MatrixView {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns)
        return MatrixView(base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }

    /// The same numbers with other dimensions; only for views without gaps between their rows.
    package func reshaped(rows: Int, columns: Int) -> MatrixView {
        precondition(stride == self.columns && rows * columns == self.rows * self.columns)
        return MatrixView(base: base, rows: rows, columns: columns)
    }

    /// The same memory with fewer columns and no gaps between its rows; what it held is forgotten.
    package func compact(columns: Int) -> MatrixView {
        precondition(columns <= self.columns)
        return MatrixView(base: base, rows: rows, columns: columns)
    }

    package func row(_ index: Int) -> UnsafeMutablePointer<Float> {
        precondition(index >= 0 && index < rows)
        return base + index * stride
    }

    package func copy(from source: MatrixView) {
        precondition(rows == source.rows && columns == source.columns)
        for index in 0..<rows { row(index).update(from: source.row(index), count: columns) }
    }

    package func fill(_ value: Float) {
        for index in 0..<rows { row(index).update(repeating: value, count: columns) }
    }

    /// The numbers of one row, for tests and for results.
    package func values(row index: Int) -> [Float] {
        Array(UnsafeBufferPointer(start: row(index), count: columns))
    }

    /// Where the first row starts.
    package var address: UnsafeMutableRawPointer { UnsafeMutableRawPointer(base) }

    /// Whether rows follow each other without gaps.
    package var isDense: Bool { stride == columns || rows <= 1 }

    /// The bytes of a view without gaps.
    package var bytes: UnsafeMutableRawBufferPointer {
        precondition(isDense)
        return UnsafeMutableRawBufferPointer(start: base, count: rows * columns * MemoryLayout<Float>.stride)
    }
}

/// Memory for a float32 matrix, 64-byte aligned. Pages that are never written are never touched.
package struct Matrix: ~Copyable, @unchecked Sendable {
    /// The processor's large pages: a large matrix stands on them, for the kernel clears and maps one of them much sooner
    /// than 512 small ones.
    private static let hugePage = 2 << 20

    package let view: MatrixView
    private let allocation: UnsafeMutableRawPointer

    /// The contents are undefined until written.
    package init(rows: Int, columns: Int) {
        let bytes = max(rows * columns, 1) * MemoryLayout<Float>.stride
        let isLarge = bytes >= Self.hugePage
        allocation = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? Self.hugePage : 64)
        // Where the kernel has none to give, nothing is lost.
        if isLarge { madvise(allocation, bytes / Self.hugePage * Self.hugePage, MADV_HUGEPAGE) }
        let base = allocation.bindMemory(to: Float.self, capacity: max(rows * columns, 1))
        view = MatrixView(base: base, rows: rows, columns: columns)
    }

    deinit { allocation.deallocate() }
}

/// A matrix of weights as the checkpoint holds it: [outputs, inputs], row-major, in the mapping. Slices are views;
/// nothing is copied to be split, and widening to float32 happens one cache-sized panel at a time.
package struct WeightMatrix: @unchecked Sendable {
    // @unchecked: the mapping is read-only and kept alive by `mapping`.
    package let base: UnsafeRawPointer
    package let element: ElementType
    package let outputs: Int
    package let inputs: Int
    let stride: Int
    private let mapping: MappedFile
    /// The same weights with eight bits, where products are to use those.
    package let quantized: QuantizedView?
    /// What adapters add to products with it, one place an adapter; nil where none adds anything.
    let additions: [LowRank?]?

    package init(
        tensor: StoredTensor, outputs: Int, inputs: Int, quantized: QuantizedMatrix? = nil,
        additions: [LowRank?]? = nil
    ) {
        precondition(tensor.entry.range.count == outputs * inputs * tensor.entry.element.size)
        self.init(
            base: tensor.mapping.start + tensor.entry.range.lowerBound,
            element: tensor.entry.element, outputs: outputs, inputs: inputs, stride: inputs, mapping: tensor.mapping,
            quantized: quantized.map { QuantizedView($0) }, additions: additions)
    }

    private init(
        base: UnsafeRawPointer, element: ElementType, outputs: Int, inputs: Int, stride: Int, mapping: MappedFile,
        quantized: QuantizedView?, additions: [LowRank?]?
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

    package func outputs(_ range: Range<Int>) -> WeightMatrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= outputs)
        return WeightMatrix(
            base: base + range.lowerBound * stride * element.size, element: element, outputs: range.count,
            inputs: inputs, stride: stride, mapping: mapping, quantized: quantized?.outputs(range),
            additions: additions?.map { $0?.outputs(range) })
    }

    package func inputs(_ range: Range<Int>) -> WeightMatrix {
        precondition(range.lowerBound >= 0 && range.upperBound <= inputs)
        return WeightMatrix(
            base: base + range.lowerBound * element.size, element: element, outputs: outputs,
            inputs: range.count, stride: stride, mapping: mapping, quantized: quantized?.inputs(range),
            additions: additions?.map { $0?.inputs(range) })
    }

    /// Bytes that a product reads.
    package var productBytes: Int { outputs * inputs * (quantized == nil ? element.size : 1) }

    package func row(_ index: Int) -> UnsafeRawPointer {
        precondition(index >= 0 && index < outputs)
        return base + index * stride * element.size
    }
}
