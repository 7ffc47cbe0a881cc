import Foundation

/// Memory for a row-major float32 matrix, 64-byte aligned. Pages that are never written take no memory.
package struct Matrix: ~Copyable, @unchecked Sendable {
    /// Bytes of a huge page. A large matrix stands on huge pages, because the kernel clears and maps one of them much sooner
    /// than 512 small ones.
    private static let hugePage = 2 << 20

    /// Returns a number of float32 rounded up to whole lines of the cache, so that what lies behind them is aligned too.
    static func wholeCacheLines(_ floats: Int) -> Int { (floats + 15) / 16 * 16 }

    package let view: MatrixView
    private let allocation: UnsafeMutableRawPointer

    /// Allocates [rows, columns]; the contents are undefined until written.
    package init(rows: Int, columns: Int) {
        let bytes = max(rows * columns, 1) * MemoryLayout<Float>.stride
        let isLarge = bytes >= Self.hugePage
        allocation = UnsafeMutableRawPointer.allocate(byteCount: bytes, alignment: isLarge ? Self.hugePage : 64)
        // A kernel that has no huge pages to give ignores the advice.
        if isLarge { madvise(allocation, bytes / Self.hugePage * Self.hugePage, MADV_HUGEPAGE) }
        let base = allocation.bindMemory(to: Float.self, capacity: max(rows * columns, 1))
        view = MatrixView(base: base, rows: rows, columns: columns)
    }

    deinit { allocation.deallocate() }
}
