import Base

/// Takes a form apart (`multipart/form-data`, RFC 7578) while it comes, in pieces of any size. It holds a header, or the few bytes
/// that may begin a boundary, and never a value.
package struct MultipartParser {
    package enum Event: Equatable {
        /// A part begins.
        case part(MultipartHeader)
        /// Bytes of its value, not empty.
        case data(ArraySlice<UInt8>)
        /// It ends.
        case end
    }

    private enum State {
        /// Before the first boundary.
        case preamble
        /// Behind a boundary: what follows tells whether it was the last.
        case boundary
        case header
        case data
        /// Behind the last boundary; what comes there means nothing.
        case epilogue
    }

    private static let maximumHeader = 8 << 10
    private static let maximumPreamble = 1 << 10
    private static let maximumParts = 32
    private static let lineEnd: [UInt8] = [0x0D, 0x0A]

    /// CR LF, two hyphens and the boundary.
    private let delimiter: [UInt8]
    private var state = State.preamble
    private var parts = 0
    /// What is not understood yet. A line end before the first byte makes the first boundary like the others.
    private var buffer = MultipartParser.lineEnd
    private var preamble = 0

    package init(boundary: [UInt8]) { delimiter = Self.lineEnd + [0x2D, 0x2D] + boundary }

    /// Takes the next bytes of the body.
    ///
    /// - Parameter emit: Gets what was understood.
    /// - Throws: ``MultipartError``, and what `emit` throws.
    package mutating func take(_ bytes: some Collection<UInt8>, _ emit: (Event) throws -> Void) throws {
        if state == .epilogue { return }
        buffer += bytes
        var start = 0
        while let next = try step(from: start, emit) { start = next }
        buffer.removeFirst(min(start + consumed, buffer.count))
        consumed = 0
    }

    /// Bytes that the last step took without coming to an end of what it reads.
    private var consumed = 0

    /// - Throws: ``MultipartError`` where the body ended too early.
    package func finish() throws(MultipartError) {
        guard state == .epilogue else {
            throw MultipartError("the form ends before its last boundary; it was cut off, or its boundary is another")
        }
    }

    /// Understands one thing more.
    ///
    /// - Returns: Where the next one begins; nil where more bytes are needed.
    private mutating func step(from start: Int, _ emit: (Event) throws -> Void) throws -> Int? {
        switch state {
        case .preamble: return try skipPreamble(from: start)
        case .boundary: return try readBoundary(from: start)
        case .header: return try readHeader(from: start, emit)
        case .data: return try readData(from: start, emit)
        case .epilogue:
            consumed = buffer.count - start
            return nil
        }
    }

    private mutating func skipPreamble(from start: Int) throws -> Int? {
        let place = find(delimiter, from: start)
        preamble += (place ?? buffer.count) - start
        guard preamble <= Self.maximumPreamble + delimiter.count else {
            throw MultipartError("the body does not begin with the boundary of its Content-Type")
        }
        guard let place else {
            let kept = min(delimiter.count - 1, buffer.count - start)
            preamble -= kept
            consumed = buffer.count - start - kept
            return nil
        }
        state = .boundary
        return place + delimiter.count
    }

    private mutating func readBoundary(from start: Int) throws -> Int? {
        // Spaces may stand behind a boundary.
        var place = start
        while place < buffer.count, buffer[place] == 0x20 || buffer[place] == 0x09 { place += 1 }
        guard place - start <= Self.maximumPreamble else {
            throw MultipartError("a boundary is followed by spaces only")
        }
        guard place + 2 <= buffer.count else { return nil }
        switch (buffer[place], buffer[place + 1]) {
        case (0x2D, 0x2D) where place == start:
            state = .epilogue
            return place + 2
        case (0x0D, 0x0A):
            parts += 1
            guard parts <= Self.maximumParts else {
                throw MultipartError("the form has more than \(Self.maximumParts) parts")
            }
            state = .header
            // The line end stays: a header without a field is one and its own end.
            return place
        default: throw MultipartError("a boundary is followed by something else than the end of its line")
        }
    }

    private mutating func readHeader(from start: Int, _ emit: (Event) throws -> Void) throws -> Int? {
        let end = Self.lineEnd + Self.lineEnd
        guard let place = find(end, from: start) else {
            guard buffer.count - start <= Self.maximumHeader else {
                throw MultipartError("the header of a part has more than \(Self.maximumHeader) bytes")
            }
            return nil
        }
        guard place - start <= Self.maximumHeader else {
            throw MultipartError("the header of a part has more than \(Self.maximumHeader) bytes")
        }
        let lines = place > start ? Array(buffer[start + 2..<place]) : []
        try emit(.part(try MultipartHeader(lines)))
        state = .data
        return place + end.count
    }

    private mutating func readData(from start: Int, _ emit: (Event) throws -> Void) throws -> Int? {
        let place = find(delimiter, from: start)
        let end = place ?? max(start, buffer.count - delimiter.count + 1)
        if end > start { try emit(.data(buffer[start..<end])) }
        guard let place else {
            consumed = end - start
            return nil
        }
        try emit(.end)
        state = .boundary
        return place + delimiter.count
    }

    /// Returns where a text begins that begins with CR, which is rare.
    private func find(_ text: [UInt8], from start: Int) -> Int? {
        var place = start
        while place + text.count <= buffer.count {
            guard let next = buffer[place...].firstIndex(of: 0x0D), next + text.count <= buffer.count else {
                return nil
            }
            if buffer[next..<next + text.count].elementsEqual(text) { return next }
            place = next + 1
        }
        return nil
    }
}
