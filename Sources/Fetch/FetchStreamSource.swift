import Base

/// The bytes of a server's resource, one after the other, as they arrive. Where a connection breaks the fetcher goes on
/// where it was.
package final class FetchStreamSource: ByteSource {
    private let stream: FetchStream
    /// What has arrived and was not read yet.
    private var chunk: [UInt8] = []
    private var position = 0
    private var hasEnded = false

    package init(_ stream: FetchStream) { self.stream = stream }

    /// Opens the resource and waits for the head of the answer, so that a resource that is not there is known at once.
    ///
    /// - Throws: ``FetchError``.
    package convenience init(_ address: String, from fetcher: Fetcher) throws(FetchError) {
        let stream = try fetcher.open(FetchRequest(address))
        _ = try stream.response()
        self.init(stream)
    }

    /// What the server says of the resource.
    ///
    /// - Throws: ``FetchError``.
    package func response() throws(FetchError) -> FetchedResponse { try stream.response() }

    /// - Throws: ``FetchError``.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard try hasMore() else { return 0 }
        let count = min(buffer.count, chunk.count - position)
        chunk.withUnsafeBytes {
            buffer.copyMemory(from: UnsafeRawBufferPointer(rebasing: $0[position..<position + count]))
        }
        position += count
        return count
    }

    /// - Throws: ``FetchError``.
    package func skip(_ count: Int) throws -> Int {
        var passed = 0
        while passed < count, try hasMore() {
            let step = min(count - passed, chunk.count - position)
            position += step
            passed += step
        }
        return passed
    }

    /// Waits for bytes; false at the end.
    private func hasMore() throws(FetchError) -> Bool {
        while position == chunk.count {
            guard !hasEnded else { return false }
            // Nothing follows an error.
            hasEnded = true
            guard let next = try stream.next() else { return false }
            (chunk, position, hasEnded) = (next, 0, false)
        }
        return true
    }
}
