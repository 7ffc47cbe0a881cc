import CImageCodecs

/// The canvas size of a WebP file, and its metadata.
struct WebPHeader {
    let width: Int
    let height: Int

    /// - Parameter lenient: whether the file may end early.
    /// - Precondition: `bytes` begin with a RIFF header of the form WEBP.
    init(_ bytes: [UInt8], lenient: Bool) throws(ImageError) {
        guard let riff = bytes.littleEndian32(at: 4), lenient || riff + 8 <= bytes.count, bytes.count >= 25 else {
            throw .truncated("WebP")
        }
        guard let size = WebPHeader.canvas(bytes) else {
            throw ImageError(.corrupt, "this WebP has a broken header")
        }
        (width, height) = size
    }

    private static func canvas(_ bytes: [UInt8]) -> (width: Int, height: Int)? {
        if bytes.holds("VP8 ", at: 12), Array(bytes.dropFirst(23).prefix(3)) == [0x9D, 0x01, 0x2A],
            let width = bytes.littleEndian16(at: 26), let height = bytes.littleEndian16(at: 28)
        {
            return (width & 0x3FFF, height & 0x3FFF)
        }
        if bytes.holds("VP8X", at: 12), let width = bytes.littleEndian24(at: 24),
            let height = bytes.littleEndian24(at: 27)
        {
            return (width + 1, height + 1)
        }
        if bytes.holds("VP8L", at: 12), bytes.byte(at: 20) == 0x2F, let bits = bytes.littleEndian32(at: 21) {
            return (bits & 0x3FFF + 1, (bits >> 14) & 0x3FFF + 1)
        }
        return nil
    }

    static func metadata(_ bytes: [UInt8]) -> PictureMetadata {
        PictureMetadata(exif: chunk("EXIF", of: bytes), xmp: chunk("XMP ", of: bytes))
    }

    private static func chunk(_ name: String, of bytes: [UInt8]) -> [UInt8]? {
        var offset = 0
        var length = 0
        guard pg_webp_chunk(bytes, bytes.count, name, &offset, &length) == 1, length > 0 else { return nil }
        return Array(bytes[offset..<(offset + length)])
    }
}
