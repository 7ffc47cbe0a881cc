import Glibc

/// Writes all bytes of a buffer to a file or pipe, however many calls of write(2) or pwrite(2) it takes.
///
/// - Parameters:
///   - bytes: the buffer; it may be empty.
///   - descriptor: an open file descriptor.
///   - offset: the place in the file, in bytes from its start. Without one the bytes go to the descriptor's own position.
/// - Throws: ``SystemError`` of the call that failed. A call that writes nothing counts as ENOSPC.
package func writeAll(
    _ bytes: UnsafeRawBufferPointer, to descriptor: Int32, at offset: Int? = nil
) throws(SystemError) {
    var written = 0
    while written < bytes.count {
        let start = bytes.baseAddress.map { $0 + written }
        let count =
            if let offset {
                pwrite(descriptor, start, bytes.count - written, off_t(offset + written))
            } else {
                write(descriptor, start, bytes.count - written)
            }
        if count < 0 && errno == EINTR { continue }
        if count <= 0 { throw SystemError(count < 0 ? errno : ENOSPC) }
        written += count
    }
}

/// Writes all bytes of a span, as the function above writes those of a buffer.
///
/// - Throws: ``SystemError`` of the call that failed.
package func writeAll(_ bytes: RawSpan, to descriptor: Int32, at offset: Int? = nil) throws(SystemError) {
    try bytes.withUnsafeBytes { bytes throws(SystemError) in try writeAll(bytes, to: descriptor, at: offset) }
}
