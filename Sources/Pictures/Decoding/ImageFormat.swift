/// The format of a picture file. It is found from the first bytes of the file; the file's name is ignored.
enum ImageFormat: Equatable {
    case jpeg
    case png
    case webp
    /// A picture or a video in a known format for which there is no decoder; the text is the format's name.
    case unsupported(String)
    /// Not a picture; the text describes the contents with an article, as in "a PDF document".
    case notAPicture(String)

    /// Finds the format.
    ///
    /// - Parameter bytes: the first bytes of the file.
    init(of bytes: [UInt8]) {
        if bytes.starts(with: [0xFF, 0xD8, 0xFF]) {
            self = .jpeg
        } else if bytes.starts(with: [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A]) {
            self = .png
        } else if bytes.holds("RIFF"), bytes.holds("WEBP", at: 8) {
            self = .webp
        } else if let name = ImageFormat.unsupportedName(bytes) {
            self = .unsupported(name)
        } else {
            self = .notAPicture(ImageFormat.description(of: bytes))
        }
    }

    private static func unsupportedName(_ bytes: [UInt8]) -> String? {
        let signatures: [([UInt8], String)] = [
            (Array("GIF8".utf8), "GIF"),
            ([0x49, 0x49, 0x2A, 0x00], "TIFF"), ([0x4D, 0x4D, 0x00, 0x2A], "TIFF"),
            ([0x49, 0x49, 0x2B, 0x00], "BigTIFF"), ([0x4D, 0x4D, 0x00, 0x2B], "BigTIFF"),
            ([0x00, 0x00, 0x00, 0x0C, 0x6A, 0x50, 0x20, 0x20], "JPEG 2000"), ([0xFF, 0x4F, 0xFF, 0x51], "JPEG 2000"),
            ([0x00, 0x00, 0x00, 0x0C, 0x4A, 0x58, 0x4C, 0x20], "JPEG XL"), ([0xFF, 0x0A], "JPEG XL"),
            ([0x00, 0x00, 0x01, 0x00], "ICO"), (Array("8BPS".utf8), "Photoshop"), (Array("qoif".utf8), "QOI"),
            ([0x76, 0x2F, 0x31, 0x01], "OpenEXR"), (Array("#?RADIANCE".utf8), "Radiance HDR"),
            ([0x1A, 0x45, 0xDF, 0xA3], "Matroska or WebM video"),
        ]
        if let match = signatures.first(where: { bytes.starts(with: $0.0) }) { return match.1 }
        // Four reserved bytes of a bitmap are 0; a text that begins with "BM" has characters there.
        if bytes.holds("BM"), bytes.littleEndian32(at: 6) == 0 { return "BMP" }
        if bytes.holds("RIFF"), bytes.holds("AVI ", at: 8) { return "AVI video" }
        if bytes.holds("ftyp", at: 4) { return isoMediaName(bytes) }
        if let kind = bytes.byte(at: 1), bytes.holds("P"), (0x31...0x37).contains(kind),
            let space = bytes.byte(at: 2), [0x20, 0x0A, 0x0D, 0x09].contains(space)
        {
            return "PNM"
        }
        return nil
    }

    private static func isoMediaName(_ bytes: [UInt8]) -> String {
        if bytes.holds("avif", at: 8) || bytes.holds("avis", at: 8) { return "AVIF" }
        let still = ["heic", "heix", "hevc", "hevx", "heim", "heis", "mif1", "msf1"]
        let brand = String(decoding: bytes.dropFirst(8).prefix(4), as: UTF8.self)
        return still.contains(brand) ? "HEIC" : "MP4 or QuickTime video"
    }

    private static func description(of bytes: [UInt8]) -> String {
        if bytes.holds("%PDF") { return "a PDF document" }
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return "a ZIP archive or an office document" }
        if bytes.starts(with: [0x1F, 0x8B]) { return "a gzip archive" }
        if bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) { return "a program" }
        let start = bytes.prefix(1024)
        guard isText(start) else { return "unknown binary data" }
        let text = String(decoding: start, as: UTF8.self).lowercased()
        if text.contains("<svg") { return "an SVG drawing" }
        if text.contains("<!doctype html") || text.contains("<html") { return "an HTML page" }
        return text.contains("<?xml") ? "an XML document" : "text"
    }

    private static func isText(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { $0 >= 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D || $0 == 0x0C }
    }
}
