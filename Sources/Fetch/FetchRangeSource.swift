import Base

/// The bytes of a server's resource, of which any part can be read, by requests for parts. The blocks that were read last
/// stay in memory. All parts are of one state of the resource: where it changes, reading fails with `changed`.
package final class FetchRangeSource: ByteRangeSource {
    /// Size of a block, in bytes.
    private static let blockSize = 1 << 20
    /// The most blocks that one request asks for.
    private static let mostOfRequest = 8

    package let size: Int
    private let fetcher: Fetcher
    private let address: String
    private let validator: Validator?
    private let maximumBlocks: Int
    private let blocks = Locked(Blocks())

    private struct Blocks {
        /// Bytes by the number of their block.
        var bytes: [Int: [UInt8]] = [:]
        /// The numbers of the blocks; the one that was used last is the last.
        var order: [Int] = []
    }

    /// Asks the server for size and state of a resource.
    ///
    /// - Parameter blocks: The most blocks of 1 MiB that stay in memory.
    /// - Throws: ``FetchError``, with the code `no_ranges` where the server sends whole files only.
    package init(_ address: String, from fetcher: Fetcher, blocks: Int = 32) throws(FetchError) {
        // An address that is signed for GET may not be asked with HEAD.
        let start = try fetcher.fetch(FetchRequest(address, range: FetchRange(offset: 0, count: 1)))
        guard let total = start.response.totalBytes, let size = Int(exactly: total) else {
            throw FetchError(
                .noRanges, at: start.response.source, status: start.response.status,
                "the server does not say how large it is, which has to be known to read parts of it")
        }
        self.size = size
        self.fetcher = fetcher
        self.address = address
        validator = start.response.validator
        maximumBlocks = max(blocks, Self.mostOfRequest)
    }

    /// - Throws: ``FetchError``.
    package func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        guard !buffer.isEmpty else { return }
        guard offset >= 0, buffer.count <= size - offset else {
            throw FetchError(
                .outOfRange, at: MaskedURL.text(address), "bytes behind its end are asked for; it has \(size)")
        }
        let end = offset + buffer.count
        var position = offset
        while position < end {
            let number = position / Self.blockSize
            let last = min((end - 1) / Self.blockSize, number + Self.mostOfRequest - 1)
            let block = try block(number, upTo: last)
            let start = position - number * Self.blockSize
            let count = min(block.count - start, end - position)
            block.withUnsafeBytes { bytes in
                let target = UnsafeMutableRawBufferPointer(rebasing: buffer[(position - offset)...])
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
            }
            position += count
        }
    }

    /// Returns a block; where it has to be fetched, those behind it that are wanted too come with the same request.
    private func block(_ number: Int, upTo last: Int) throws(FetchError) -> [UInt8] {
        if let block = known(number) { return block }
        let end = blocks.withLock { blocks in (number...last).first { blocks.bytes[$0] != nil } ?? last + 1 }
        let start = number * Self.blockSize
        let count = min(end * Self.blockSize, size) - start
        let range = FetchRange(offset: Int64(start), count: Int64(count))
        let fetched = try fetcher.fetch(FetchRequest(address, range: range, validator: validator))
        guard fetched.bytes.count == count else {
            throw FetchError(.truncated, at: fetched.response.source, "it ended before the part that was asked for")
        }
        for place in (number..<end).reversed() {
            let from = (place - number) * Self.blockSize
            keep(place, Array(fetched.bytes[from..<min(from + Self.blockSize, count)]))
        }
        return Array(fetched.bytes.prefix(Self.blockSize))
    }

    private func known(_ number: Int) -> [UInt8]? {
        blocks.withLock { blocks in
            guard let block = blocks.bytes[number] else { return nil }
            blocks.order.removeAll { $0 == number }
            blocks.order.append(number)
            return block
        }
    }

    private func keep(_ number: Int, _ bytes: [UInt8]) {
        blocks.withLock { blocks in
            blocks.order.removeAll { $0 == number }
            blocks.order.append(number)
            blocks.bytes[number] = bytes
            if blocks.order.count > maximumBlocks { blocks.bytes[blocks.order.removeFirst()] = nil }
        }
    }
}
