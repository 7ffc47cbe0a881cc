/// A view of a row-major float32 matrix that somebody else owns.
///
/// Views are handed to compute threads, each of which writes rows or columns of its own.
package struct MatrixView: @unchecked Sendable {
    package let base: UnsafeMutablePointer<Float>
    package let rows: Int
    package let columns: Int
    /// The distance between the starts of two rows, in elements.
    package let stride: Int

    package init(base: UnsafeMutablePointer<Float>, rows: Int, columns: Int, stride: Int? = nil) {
        self.base = base
        self.rows = rows
        self.columns = columns
        self.stride = stride ?? columns
    }

    /// Returns a view of some rows.
    package func rows(_ range: Range<Int>) -> MatrixView {
        precondition(range.lowerBound >= 0 && range.upperBound <= rows)
        return MatrixView(base: base + range.lowerBound * stride, rows: range.count, columns: columns, stride: stride)
    }

    /// Returns a view of some columns.
    package func columns(_ range: Range<Int>) -> MatrixView {
        precondition(range.lowerBound >= 0 && range.upperBound <= columns)
        return MatrixView(base: base + range.lowerBound, rows: rows, columns: range.count, stride: stride)
    }

    /// Returns the same numbers with other dimensions; only for views without gaps between their rows.
    package func reshaped(rows: Int, columns: Int) -> MatrixView {
        precondition(stride == self.columns && rows * columns == self.rows * self.columns)
        return MatrixView(base: base, rows: rows, columns: columns)
    }

    /// Returns the same memory with fewer columns and no gaps between its rows; the contents are undefined then.
    package func compact(columns: Int) -> MatrixView {
        precondition(columns <= self.columns)
        return MatrixView(base: base, rows: rows, columns: columns)
    }

    /// Returns where a row starts.
    package func row(_ index: Int) -> UnsafeMutablePointer<Float> {
        precondition(index >= 0 && index < rows)
        return base + index * stride
    }

    /// Copies all numbers of a view with the same shape.
    package func copy(from source: MatrixView) {
        precondition(rows == source.rows && columns == source.columns)
        for index in 0..<rows { row(index).update(from: source.row(index), count: columns) }
    }

    /// Sets every number to `value`.
    package func fill(_ value: Float) {
        for index in 0..<rows { row(index).update(repeating: value, count: columns) }
    }

    /// Returns a copy of the numbers of one row.
    package func values(row index: Int) -> [Float] {
        Array(UnsafeBufferPointer(start: row(index), count: columns))
    }

    /// The address of the first row.
    package var address: UnsafeMutableRawPointer { UnsafeMutableRawPointer(base) }

    /// Whether rows follow each other without gaps.
    package var isDense: Bool { stride == columns || rows <= 1 }

    /// The bytes of a view without gaps between its rows.
    package var bytes: UnsafeMutableRawBufferPointer {
        precondition(isDense)
        return UnsafeMutableRawBufferPointer(start: base, count: rows * columns * MemoryLayout<Float>.stride)
    }
}
