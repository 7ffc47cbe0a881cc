/// What a JPEG file has before its first scan: size, components and metadata.
struct JPEGHeader {
    private(set) var width = 0
    private(set) var height = 0
    /// 1 (gray), 3 (RGB or YCbCr) or 4 (CMYK or YCCK).
    private(set) var components = 0
    private(set) var metadata = PictureMetadata()

    /// - Precondition: `bytes` begin with the start-of-image marker and 0xFF.
    init(_ bytes: [UInt8]) throws(ImageError) {
        // Between two segments anything that is not 0xFF is skipped, and a marker may be padded with 0xFF.
        var position = 3
        while let code = bytes.byte(at: position) {
            position += 1
            switch code {
            case 0xFF: continue
            case 0xD8, 0xD0...0xD7, 0xD9, 0xF0...0xFD, 0xC8, 0x00: break
            case 0xC0...0xFE:
                guard let length = bytes.bigEndian16(at: position), position + max(length, 2) <= bytes.count else {
                    throw .truncated("JPEG")
                }
                let segment = bytes[(position + 2)..<(position + max(length, 2))]
                position += max(length, 2)
                if try read(segment, marker: code) { return }
            default: throw ImageError(.corrupt, "this JPEG has an unknown marker before its picture")
            }
            while let junk = bytes.byte(at: position), junk != 0xFF { position += 1 }
            position += 1
        }
        throw .truncated("JPEG")
    }

    /// Reads one segment.
    ///
    /// - Returns: whether the segment begins a scan.
    private mutating func read(_ segment: ArraySlice<UInt8>, marker: UInt8) throws(ImageError) -> Bool {
        switch marker {
        case 0xC4, 0xCC: return false
        case 0xC0...0xCF, 0xDE: try readFrame(segment)
        case 0xE1: readMetadata(segment)
        case 0xDA:
            guard components > 0 else { throw ImageError(.corrupt, "this JPEG has a scan before its frame header") }
            return true
        default: break
        }
        return false
    }

    /// A frame header: sample precision in bits, height, width, number of components.
    private mutating func readFrame(_ segment: ArraySlice<UInt8>) throws(ImageError) {
        guard let bits = segment.byte(at: 0), let height = segment.bigEndian16(at: 1),
            let width = segment.bigEndian16(at: 3), let components = segment.byte(at: 5)
        else { throw ImageError(.corrupt, "this JPEG has a frame header that is too short") }
        guard bits == 8 else {
            throw ImageError(.unsupportedFormat, "this JPEG has \(bits) bits a sample; only 8 can be decoded")
        }
        guard [1, 3, 4].contains(components) else {
            throw ImageError(
                .unsupportedFormat, "this JPEG has \(components) components; only 1, 3 and 4 can be decoded")
        }
        (self.width, self.height, self.components) = (width, height, Int(components))
    }

    private mutating func readMetadata(_ segment: ArraySlice<UInt8>) {
        if segment.holds("Exif\0\0") {
            // An EXIF record may continue in further segments.
            metadata.exif = (metadata.exif ?? []) + segment.dropFirst(6)
        } else if segment.holds("http://ns.adobe.com/xap/1.0/\0") {
            metadata.xmp = Array(segment.dropFirst(29))
        }
    }
}
