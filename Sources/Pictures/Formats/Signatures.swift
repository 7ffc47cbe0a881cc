import Base

extension ImageFormat {
    /// Finds the format by the bytes that files of it begin with.
    init?(signature bytes: [UInt8]) {
        let signatures: [([UInt8], ImageFormat)] = [
            ([0xFF, 0xD8, 0xFF], .jpeg), ([0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A], .png),
            (Array("GIF87a".utf8), .gif), (Array("GIF89a".utf8), .gif),
            ([0x49, 0x49, 0x2A, 0x00], .tiff), ([0x4D, 0x4D, 0x00, 0x2A], .tiff),
            ([0x49, 0x49, 0x2B, 0x00], .tiff), ([0x4D, 0x4D, 0x00, 0x2B], .tiff),
            ([0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20, 0x0D, 0x0A, 0x87, 0x0A], .jpeg2000),
            ([0xFF, 0x4F, 0xFF, 0x51], .jpeg2000),
            ([0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58, 0x4C, 0x20, 0x0D, 0x0A, 0x87, 0x0A], .jpegXL),
            ([0xFF, 0x0A], .jpegXL),
        ]
        if let match = signatures.first(where: { bytes.starts(with: $0.0) }) {
            self = match.1
        } else if bytes.holds("RIFF"), bytes.holds("WEBP", at: 8) {
            self = .webp
        } else if bytes.holds("BM"), bytes.littleEndian32(at: 6) == 0 {
            // Four reserved bytes of a bitmap are 0; a text that begins with "BM" has characters there.
            self = .bmp
        } else if Self.isPNM(bytes) {
            self = .pnm
        } else if let format = Self.isoMedia(bytes) {
            self = format
        } else {
            return nil
        }
    }

    private static func isPNM(_ bytes: [UInt8]) -> Bool {
        guard bytes.holds("P"), let kind = bytes.byte(at: 1), (0x31...0x36).contains(kind), let next = bytes.byte(at: 2)
        else { return false }
        return [0x20, 0x09, 0x0A, 0x0B, 0x0C, 0x0D, 0x23].contains(next)
    }

    /// The format of a file of boxes whose brands are those of pictures. The major brand of an AVIF can be the general one
    /// of pictures (mif1, msf1); then the compatible brands, and at last the kind of the items, say what is inside.
    private static func isoMedia(_ bytes: [UInt8]) -> ImageFormat? {
        guard bytes.holds("ftyp", at: 4), let length = bytes.bigEndian32(at: 0) else { return nil }
        let end = min(max(length, 16), bytes.count)
        let brands = ([8] + Array(stride(from: 16, to: max(end - 3, 16), by: 4))).map {
            String(decoding: bytes.dropFirst($0).prefix(4), as: UTF8.self)
        }
        let avif: Set<String> = ["avif", "avis"]
        let heif: Set<String> = ["heic", "heix", "hevc", "hevx", "heim", "heis", "hevm", "hevs"]
        guard let major = brands.first else { return nil }
        if avif.contains(major) { return .avif }
        if heif.contains(major) { return .heif }
        guard ["mif1", "msf1", "mif2", "miaf"].contains(major) else { return nil }
        if !avif.isDisjoint(with: brands) { return .avif }
        if !heif.isDisjoint(with: brands) { return .heif }
        // The entries of the item list ("infe" boxes) name the kind of coding.
        return bytes.firstRange(of: Array("av01".utf8)) != nil ? .avif : .heif
    }
}

extension VideoFormat {
    /// Finds the container by the bytes that files of it begin with.
    init?(signature bytes: [UInt8]) {
        let signatures: [([UInt8], VideoFormat)] = [
            ([0x1A, 0x45, 0xDF, 0xA3], .matroska), ([0x00, 0x00, 0x01, 0xBA], .mpegProgram),
            ([0x00, 0x00, 0x01, 0xB3], .mpegElementary), (Array("FLV\u{1}".utf8), .flash),
            ([0x30, 0x26, 0xB2, 0x75, 0x8E, 0x66, 0xCF, 0x11], .windowsMedia), (Array("OggS\0".utf8), .ogg),
            (Array("YUV4MPEG2 ".utf8), .yuv4mpeg),
            ([0x06, 0x0E, 0x2B, 0x34, 0x02, 0x05, 0x01, 0x01], .materialExchange),
            (Array("DKIF\0\0".utf8), .indeo),
        ]
        if let match = signatures.first(where: { bytes.starts(with: $0.0) }) {
            self = match.1
        } else if bytes.holds("RIFF"), bytes.holds("AVI ", at: 8) {
            self = .avi
        } else if Self.isQuickTime(bytes) {
            self = .mp4
        } else if Self.isTransportStream(bytes) {
            self = .mpegTransport
        } else {
            return nil
        }
    }

    /// Whether the file begins with a box of MP4 or an atom of QuickTime.
    private static func isQuickTime(_ bytes: [UInt8]) -> Bool {
        guard let length = bytes.bigEndian32(at: 0), length == 0 || length == 1 || length >= 8 else { return false }
        return bytes.holds("ftyp", at: 4) || bytes.holds("moov", at: 4) || bytes.holds("mdat", at: 4)
            || bytes.holds("wide", at: 4) || bytes.holds("free", at: 4) || bytes.holds("skip", at: 4)
            || bytes.holds("pnot", at: 4) || bytes.holds("styp", at: 4)
    }

    /// Whether packets of 188 bytes, or of 192 with a time stamp, follow each other.
    private static func isTransportStream(_ bytes: [UInt8]) -> Bool {
        [(0, 188), (4, 192)].contains { start, step in
            (0..<3).allSatisfy { bytes.byte(at: start + $0 * step) == 0x47 }
        }
    }
}
