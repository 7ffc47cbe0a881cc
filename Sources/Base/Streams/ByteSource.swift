/// Bytes that come one after the other: of a file, a pipe, a connection. One thread at a time uses a source.
package protocol ByteSource: AnyObject {
    /// Reads bytes to the start of `buffer`, which is not empty, and returns their number: 0 at the end of the source,
    /// and only there.
    ///
    /// - Throws: the error of what the bytes come from.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int

    /// Passes over `count` bytes and returns their number: fewer at the end of the source, and only there.
    ///
    /// - Throws: the error of what the bytes come from.
    func skip(_ count: Int) throws -> Int
}

extension ByteSource {
    /// Reads the bytes and drops them, for a source that knows no faster way.
    ///
    /// - Throws: the error of what the bytes come from.
    package func skip(_ count: Int) throws -> Int {
        guard count > 0 else { return 0 }
        return try withUnsafeTemporaryAllocation(byteCount: min(count, 1 << 16), alignment: 16) { buffer in
            var passed = 0
            while passed < count {
                let step = try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(count - passed)))
                guard step > 0 else { break }
                passed += step
            }
            return passed
        }
    }
}

/// Bytes that a closure gives, for what has no source of its own.
package final class ClosureSource: ByteSource {
    private let body: (UnsafeMutableRawBufferPointer) throws -> Int

    /// - Parameter body: reads bytes to the start of the buffer and returns their number, 0 at the end.
    package init(_ body: @escaping (UnsafeMutableRawBufferPointer) throws -> Int) { self.body = body }

    /// - Throws: what the closure throws.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        min(max(try body(buffer), 0), buffer.count)
    }
}

/// Bytes that are in memory.
package final class MemorySource: ByteSource {
    private let bytes: [UInt8]
    private var position = 0

    package init(_ bytes: [UInt8]) { self.bytes = bytes }

    package func read(into buffer: UnsafeMutableRawBufferPointer) -> Int {
        let count = min(buffer.count, bytes.count - position)
        bytes.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<position + count]))
        }
        position += count
        return count
    }

    package func skip(_ count: Int) -> Int {
        let passed = min(max(count, 0), bytes.count - position)
        position += passed
        return passed
    }
}
