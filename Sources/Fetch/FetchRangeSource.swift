import Base

/// The bytes of a server's resource, of which any part can be read, by requests for blocks of it. The blocks that were read
/// last stay in memory, within the fetcher's budget. Where one block is read after the other, those that follow are fetched
/// ahead, several at once. All blocks are of one state of the resource: where it changes, reading fails with `changed`.
package final class FetchRangeSource: ByteRangeSource {
    /// Size of a block, in bytes: what one request asks for.
    private static let blockSize = 1 << 20
    /// The most blocks that are on their way at once, the one that is waited for included.
    private static let maximumAhead = 8

    package let size: Int
    /// The state of the resource that is read; nil where the server does not say.
    package let validator: Validator?
    private let fetcher: Fetcher
    private let address: String
    private let blocks: Locked<BlockCache>

    /// Asks the server for size and state of a resource.
    ///
    /// - Parameters:
    ///   - validator: The state that it is to have; nil for any.
    ///   - blocks: The most blocks of 1 MiB that stay in memory.
    /// - Throws: ``FetchError``, with the code `no_ranges` where the server sends whole files only, and `changed` where the
    ///   resource has another state.
    package init(
        _ address: String, from fetcher: Fetcher, validator: Validator? = nil, blocks: Int = 32
    ) throws(FetchError) {
        // An address that is signed for GET may not be asked with HEAD.
        let start = try fetcher.fetch(
            FetchRequest(address, range: FetchRange(offset: 0, count: 1), validator: validator))
        guard let total = start.response.totalBytes, let size = Int(exactly: total) else {
            throw FetchError(
                .noRanges, at: start.response.source, status: start.response.status,
                "the server does not say how large it is, which has to be known to read parts of it")
        }
        self.size = size
        self.fetcher = fetcher
        self.address = address
        self.validator = start.response.validator ?? validator
        self.blocks = Locked(
            BlockCache(
                count: size / Self.blockSize + (size % Self.blockSize > 0 ? 1 : 0),
                capacity: max(blocks, 2 * Self.maximumAhead), maximumAhead: Self.maximumAhead))
    }

    deinit { blocks.withLock { for body in $0.all { body.cancelUnlessAwaited() } } }

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
            let block = try block(number, upTo: (end - 1) / Self.blockSize)
            let start = position - number * Self.blockSize
            let count = min(block.bytes.count - start, end - position)
            block.bytes.withUnsafeBytes { bytes in
                let target = UnsafeMutableRawBufferPointer(rebasing: buffer[(position - offset)...])
                target.copyMemory(from: UnsafeRawBufferPointer(rebasing: bytes[start..<start + count]))
            }
            position += count
        }
    }

    /// Returns a block, and begins to fetch those behind it that are wanted too or are likely to be.
    private func block(_ number: Int, upTo last: Int) throws(FetchError) -> FetchedBytes {
        let (body, missing, evicted) = blocks.withLock { $0.use(number, upTo: last) }
        for body in evicted { body.cancelUnlessAwaited() }
        for (number, body) in missing { start(number, body) }
        do throws(FetchError) {
            guard let block = try body.wait(), block.bytes.count == self.count(of: number) else {
                throw FetchError(
                    .truncated, at: MaskedURL.text(address), "it ended before the part that was asked for")
            }
            return block
        } catch {
            // It is fetched again when it is asked for again.
            blocks.withLock { $0.forget(number, body) }
            throw error
        }
    }

    /// The number of bytes in a block.
    private func count(of number: Int) -> Int { min(Self.blockSize, size - number * Self.blockSize) }

    private func start(_ number: Int, _ body: ArrivingBody) {
        var request = FetchRequest(
            address,
            range: FetchRange(offset: Int64(number * Self.blockSize), count: Int64(count(of: number))),
            validator: validator)
        request.isKept = true
        do throws(FetchError) {
            body.begin(try fetcher.start(request) { body.finish($0) })
        } catch {
            body.finish(.failure(error))
        }
    }
}

/// The blocks of a resource that are in memory or on their way.
private struct BlockCache {
    /// The number of blocks of the resource.
    let count: Int
    /// The most blocks that are kept.
    let capacity: Int
    let maximumAhead: Int
    private var bodies: [Int: ArrivingBody] = [:]
    /// The numbers of the blocks; the one that was used last is the last.
    private var order: [Int] = []
    private var lastUsed: Int?
    /// How many blocks are fetched ahead: none where blocks are used in no order, else ever more.
    private var ahead = 0

    init(count: Int, capacity: Int, maximumAhead: Int) {
        (self.count, self.capacity, self.maximumAhead) = (count, capacity, maximumAhead)
    }

    var all: [ArrivingBody] { Array(bodies.values) }

    /// Returns the body of a block, those that have to be fetched, and those that are no longer kept.
    ///
    /// - Parameter last: The last block that is wanted.
    mutating func use(
        _ number: Int, upTo last: Int
    ) -> (body: ArrivingBody, missing: [(Int, ArrivingBody)], evicted: [ArrivingBody]) {
        if number != lastUsed { ahead = number - 1 == lastUsed ? min(maximumAhead - 1, max(1, ahead * 2)) : 0 }
        lastUsed = number
        let end = min(max(last, number + ahead), number + maximumAhead - 1, count - 1)
        var missing: [(Int, ArrivingBody)] = []
        for place in number...max(number, end) where bodies[place] == nil {
            let body = ArrivingBody()
            bodies[place] = body
            order.append(place)
            missing.append((place, body))
        }
        order.removeAll { $0 == number }
        order.append(number)
        let surplus = order.filter { !(number...max(number, end)).contains($0) }.prefix(max(0, order.count - capacity))
        order.removeAll { surplus.contains($0) }
        let evicted = surplus.compactMap { bodies.removeValue(forKey: $0) }
        return (bodies[number] ?? ArrivingBody(), missing, evicted)
    }

    /// Removes a block that could not be fetched.
    mutating func forget(_ number: Int, _ body: ArrivingBody) {
        guard bodies[number] === body else { return }
        bodies[number] = nil
        order.removeAll { $0 == number }
    }
}
