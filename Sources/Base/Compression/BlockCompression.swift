import CCompression

/// Decompression of whole blocks with zlib.
package enum Gzip {
    /// Decompresses gzip data (RFC 1952, of one or several members) or zlib data into a buffer that they must fill.
    ///
    /// - Throws: ``CompressionError`` where they are damaged, end early, or give fewer or more bytes than the buffer
    ///   has.
    package static func decompress(
        _ bytes: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) {
        guard bytes.count <= UInt32.max, buffer.count <= UInt32.max else {
            throw CompressionError(code: .tooLarge, method: "gzip", reason: "have more than 4 GiB")
        }
        var stream = z_stream()
        // 32: gzip or zlib, as the first bytes say.
        guard inflateInit2_(&stream, 32 + MAX_WBITS, ZLIB_VERSION, Int32(MemoryLayout<z_stream>.size)) == Z_OK else {
            throw .damaged("gzip", "there is no memory for the decoder")
        }
        defer { inflateEnd(&stream) }
        stream.next_in = UnsafeMutablePointer(mutating: bytes.bindMemory(to: UInt8.self).baseAddress)
        stream.avail_in = UInt32(bytes.count)
        stream.next_out = buffer.bindMemory(to: UInt8.self).baseAddress
        stream.avail_out = UInt32(buffer.count)
        while true {
            let status = inflate(&stream, Z_FINISH)
            if status == Z_STREAM_END, stream.avail_in == 0 { break }
            if status == Z_STREAM_END, inflateReset(&stream) == Z_OK { continue }
            if status == Z_BUF_ERROR, stream.avail_in == 0 { throw .truncated("gzip") }
            if status == Z_BUF_ERROR || status == Z_OK {
                throw CompressionError(
                    code: .tooLarge, method: "gzip",
                    reason: "hold more than the \(buffer.count) bytes that were announced")
            }
            throw .damaged("gzip", stream.msg.map { String(cString: $0) } ?? "code \(status)")
        }
        guard stream.avail_out == 0 else {
            throw .damaged(
                "gzip", "they hold \(buffer.count - Int(stream.avail_out)) bytes, but \(buffer.count) were announced")
        }
    }
}

/// Compression of whole blocks with zstd.
package enum Zstd {
    /// Decompresses frames into a buffer that they must fill.
    ///
    /// - Throws: ``CompressionError`` where they are damaged, or give fewer or more bytes than the buffer has.
    package static func decompress(
        _ bytes: UnsafeRawBufferPointer, into buffer: UnsafeMutableRawBufferPointer
    ) throws(CompressionError) {
        let count = ZSTD_decompress(buffer.baseAddress, buffer.count, bytes.baseAddress, bytes.count)
        guard ZSTD_isError(count) == 0 else { throw .damaged("zstd", String(cString: ZSTD_getErrorName(count))) }
        guard count == buffer.count else {
            throw .damaged("zstd", "they hold \(count) bytes, but \(buffer.count) were announced")
        }
    }

    /// Returns the bytes as one frame, at the library's usual level.
    ///
    /// - Throws: ``CompressionError`` where the library has no memory.
    package static func compress(_ bytes: UnsafeRawBufferPointer) throws(CompressionError) -> [UInt8] {
        var failure: String?
        let frame = [UInt8](unsafeUninitializedCapacity: ZSTD_compressBound(bytes.count)) { buffer, count in
            let size = ZSTD_compress(buffer.baseAddress, buffer.count, bytes.baseAddress, bytes.count, 3)
            if ZSTD_isError(size) != 0 { failure = String(cString: ZSTD_getErrorName(size)) }
            count = failure == nil ? size : 0
        }
        if let failure { throw .damaged("zstd", failure) }
        return frame
    }
}

/// Returns the CRC-32 of the bytes, as gzip and PNG have it.
package func checksum32(_ bytes: UnsafeRawBufferPointer) -> UInt32 {
    UInt32(truncatingIfNeeded: crc32_z(0, bytes.bindMemory(to: UInt8.self).baseAddress, bytes.count))
}
