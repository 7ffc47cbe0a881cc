/// A source with a buffer, in which the next bytes can be looked at before they are taken.
package final class BufferedSource: ByteSource {
    private let source: any ByteSource
    private let buffer: UnsafeMutableRawBufferPointer
    /// The bytes of the buffer that are not yet taken.
    private var filled = 0..<0
    private var hasEnded = false
    /// The number of bytes that were taken or passed over.
    package private(set) var offset = 0

    /// - Parameter capacity: size of the buffer, in bytes.
    package init(_ source: any ByteSource, capacity: Int = 1 << 16) {
        self.source = source
        buffer = .allocate(byteCount: max(capacity, 1024), alignment: 64)
    }

    deinit { buffer.deallocate() }

    /// Fills the buffer until it has `count` bytes, and returns what it has: fewer at the end of the source, and only
    /// there. The bytes stay valid until the next call of this object.
    ///
    /// - Parameter count: at most the buffer's capacity.
    /// - Throws: the error of the source.
    package func peek(_ count: Int) throws -> UnsafeRawBufferPointer {
        precondition(count <= buffer.count, "more bytes than the buffer holds")
        if filled.lowerBound + count > buffer.count {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: buffer[filled]))
            filled = 0..<filled.count
        }
        while filled.count < count, !hasEnded {
            let free = UnsafeMutableRawBufferPointer(rebasing: buffer[filled.upperBound...])
            let step = try source.read(into: free)
            if step == 0 { hasEnded = true }
            filled = filled.lowerBound..<filled.upperBound + step
        }
        return UnsafeRawBufferPointer(rebasing: buffer[filled])
    }

    /// Takes bytes of the buffer that were looked at.
    package func take(_ count: Int) {
        precondition(count <= filled.count, "bytes that are not in the buffer")
        offset += count
        filled = filled.count == count ? 0..<0 : filled.lowerBound + count..<filled.upperBound
    }

    /// - Throws: the error of the source.
    package func read(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        if filled.isEmpty, target.count >= buffer.count {
            guard !hasEnded else { return 0 }
            let count = try source.read(into: target)
            if count == 0 { hasEnded = true }
            offset += count
            return count
        }
        let next = try peek(1)
        let count = min(next.count, target.count)
        target.copyMemory(from: UnsafeRawBufferPointer(rebasing: next.prefix(count)))
        take(count)
        return count
    }

    /// Reads until `target` is full and returns the number of bytes: fewer at the end of the source, and only there.
    ///
    /// - Throws: the error of the source.
    package func readAll(into target: UnsafeMutableRawBufferPointer) throws -> Int {
        var count = 0
        while count < target.count {
            let step = try read(into: UnsafeMutableRawBufferPointer(rebasing: target[count...]))
            guard step > 0 else { break }
            count += step
        }
        return count
    }

    /// - Throws: the error of the source.
    package func skip(_ count: Int) throws -> Int {
        let buffered = min(max(count, 0), filled.count)
        take(buffered)
        guard count > buffered, !hasEnded else { return buffered }
        let passed = try source.skip(count - buffered)
        offset += passed
        return buffered + passed
    }
}
