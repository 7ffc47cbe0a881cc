import CCompression

/// How a stream is compressed, as its first bytes tell.
package enum StreamCompression: String, Sendable {
    case none, gzip, zstd

    /// Looks at the first bytes of a source, which stay in it.
    ///
    /// - Throws: the error of the source.
    package init(of source: BufferedSource) throws {
        let start = try source.peek(4)
        if start.count >= 3, start[0] == 0x1F, start[1] == 0x8B, start[2] == 8 {
            self = .gzip
        } else if start.count >= 4, start[0] == 0x28, start[1] == 0xB5, start[2] == 0x2F, start[3] == 0xFD {
            self = .zstd
        } else {
            self = .none
        }
    }

    /// Returns the content of a source that is compressed this way: `source` itself for none.
    package func content(of source: BufferedSource) -> any ByteSource {
        switch self {
        case .none: source
        case .gzip: GzipSource(source)
        case .zstd: ZstdSource(source)
        }
    }
}

/// The content of a gzip stream (RFC 1952) of one or several members, in constant memory. Zero bytes behind the last
/// member are padding.
final class GzipSource: ByteSource {
    private let source: BufferedSource
    /// The decoder; it points to itself, so that it needs an address that stays.
    private let stream: UnsafeMutablePointer<z_stream>
    private var isInsideMember = true
    private var hasEnded = false
    private let isReady: Bool

    init(_ source: BufferedSource) {
        self.source = source
        stream = .allocate(capacity: 1)
        stream.initialize(to: z_stream())
        // 16: a gzip header and trailer, which zlib checks.
        isReady = inflateInit2_(stream, 16 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK
    }

    deinit {
        if isReady { inflateEnd(stream) }
        stream.deallocate()
    }

    /// - Throws: ``CompressionError``; the error of the source.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard isReady else { throw CompressionError.damaged("gzip", "there is no memory for the decoder") }
        let buffer = UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(1 << 30))
        while !hasEnded {
            let input = try source.peek(1)
            if !isInsideMember, try !beginsAnotherMember(input) { break }
            guard !input.isEmpty else { throw CompressionError.truncated("gzip") }
            let count = try step(from: UnsafeRawBufferPointer(rebasing: input.prefix(1 << 30)), into: buffer)
            if count > 0 { return count }
        }
        return 0
    }

    /// Whether what follows a member is another one; false at the end and for padding.
    private func beginsAnotherMember(_ input: UnsafeRawBufferPointer) throws -> Bool {
        guard let first = input.first else {
            hasEnded = true
            return false
        }
        if first == 0 {
            while let next = try source.peek(1).first {
                guard next == 0 else { throw CompressionError.damaged("gzip", "other bytes follow their end") }
                source.take(1)
            }
            hasEnded = true
            return false
        }
        guard first == 0x1F else { throw CompressionError.damaged("gzip", "other bytes follow their end") }
        inflateReset(stream)
        isInsideMember = true
        return true
    }

    /// Runs the decoder once and returns the number of bytes that it wrote.
    private func step(from input: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        stream.pointee.next_in = UnsafeMutablePointer(mutating: input.bindMemory(to: UInt8.self).baseAddress)
        stream.pointee.avail_in = UInt32(input.count)
        stream.pointee.next_out = buffer.bindMemory(to: UInt8.self).baseAddress
        stream.pointee.avail_out = UInt32(buffer.count)
        let status = inflate(stream, Z_NO_FLUSH)
        let text = stream.pointee.msg.map { String(cString: $0) } ?? "code \(status)"
        source.take(input.count - Int(stream.pointee.avail_in))
        switch status {
        case Z_STREAM_END: isInsideMember = false
        case Z_OK, Z_BUF_ERROR: break
        default: throw CompressionError.damaged("gzip", text)
        }
        return buffer.count - Int(stream.pointee.avail_out)
    }
}

/// The content of a zstd stream of one or several frames. The library refuses windows above 128 MiB.
final class ZstdSource: ByteSource {
    private let source: BufferedSource
    private let context = ZSTD_createDStream()
    private var isInsideFrame = true

    init(_ source: BufferedSource) { self.source = source }

    deinit { ZSTD_freeDStream(context) }

    /// - Throws: ``CompressionError``; the error of the source.
    func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        guard let context else { throw CompressionError.damaged("zstd", "there is no memory for the decoder") }
        while true {
            let next = try source.peek(1)
            // The decoder may hold content that it has not given yet, also where the source has ended.
            if next.isEmpty, !isInsideFrame { return 0 }
            var input = ZSTD_inBuffer(src: next.baseAddress, size: next.count, pos: 0)
            var output = ZSTD_outBuffer(dst: buffer.baseAddress, size: buffer.count, pos: 0)
            let status = ZSTD_decompressStream(context, &output, &input)
            source.take(input.pos)
            guard ZSTD_isError(status) == 0 else {
                throw CompressionError.damaged("zstd", String(cString: ZSTD_getErrorName(status)))
            }
            isInsideFrame = status != 0
            if output.pos > 0 { return output.pos }
            if next.isEmpty, isInsideFrame { throw CompressionError.truncated("zstd") }
        }
    }
}
