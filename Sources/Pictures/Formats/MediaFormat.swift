import Base

/// What a file is. It is found from the first bytes of the file; the file's name is ignored.
package enum MediaFormat: Sendable, Equatable {
    /// A picture that can be decoded.
    case image(ImageFormat)
    /// A video whose frames can be read.
    case video(VideoFormat)
    /// A picture in a known format for which there is no decoder; the text is the format's name.
    case unsupported(String)
    /// Neither a picture nor a video; the text describes the contents with an article, as in "a PDF document".
    case other(String)

    /// Bytes from the beginning of a file that are enough to tell its format.
    package static let prefixBytes = 4096

    /// Finds the format.
    ///
    /// - Parameter bytes: the first ``prefixBytes`` of the file, or more.
    package init(of bytes: some RandomAccessCollection<UInt8>) {
        let start = Array(bytes.prefix(Self.prefixBytes))
        if let format = ImageFormat(signature: start) {
            self = .image(format)
        } else if let format = VideoFormat(signature: start) {
            self = .video(format)
        } else if let name = Self.unsupportedName(start) {
            self = .unsupported(name)
        } else {
            self = .other(Self.description(of: start))
        }
    }

    /// Finds what files of this extension usually are, in any case and without the dot; nil where it is not known.
    package init?(extension text: String) {
        if let format = ImageFormat(extension: text) {
            self = .image(format)
        } else if let format = VideoFormat(extension: text) {
            self = .video(format)
        } else {
            return nil
        }
    }

    private static func unsupportedName(_ bytes: [UInt8]) -> String? {
        let signatures: [([UInt8], String)] = [
            ([0x00, 0x00, 0x01, 0x00], "ICO"), ([0x00, 0x00, 0x02, 0x00], "CUR"), (Array("8BPS".utf8), "Photoshop"),
            (Array("qoif".utf8), "QOI"), ([0x76, 0x2F, 0x31, 0x01], "OpenEXR"),
            (Array("#?RADIANCE".utf8), "Radiance HDR"),
            (Array("DDS ".utf8), "DDS"), (Array("icns".utf8), "ICNS"), (Array("gimp xcf".utf8), "XCF"),
            (Array("FUJIFILMCCD-RAW".utf8), "camera raw"), ([0xFF, 0xD8, 0xF7], "JPEG-LS"),
        ]
        if let match = signatures.first(where: { bytes.starts(with: $0.0) }) { return match.1 }
        if bytes.holds("P7\n") { return "PAM" }
        if bytes.holds("Pf\n") || bytes.holds("PF\n") { return "PFM" }
        return nil
    }

    private static func description(of bytes: [UInt8]) -> String {
        if bytes.holds("version https://git-lfs.github.com/spec/") {
            return "a Git LFS pointer, which stands for the file; fetch it with `git lfs pull`"
        }
        if bytes.holds("%PDF") { return "a PDF document" }
        if bytes.starts(with: [0x50, 0x4B, 0x03, 0x04]) { return "a ZIP archive or an office document" }
        if bytes.starts(with: [0x1F, 0x8B]) { return "a gzip archive" }
        if bytes.starts(with: [0x7F, 0x45, 0x4C, 0x46]) { return "a program" }
        if bytes.holds("RIFF"), bytes.holds("WAVE", at: 8) { return "a sound (WAV)" }
        if bytes.holds("ID3") || bytes.starts(with: [0xFF, 0xFB]) { return "a sound (MP3)" }
        if bytes.holds("fLaC") { return "a sound (FLAC)" }
        if bytes.holds("#EXTM3U") { return "a playlist" }
        let start = bytes.prefix(1024)
        guard isText(start) else { return "unknown binary data" }
        let text = String(decoding: start, as: UTF8.self).lowercased()
        if text.contains("<svg") { return "an SVG drawing" }
        if text.contains("<!doctype html") || text.contains("<html") { return "an HTML page" }
        if text.contains("<mpd") { return "a DASH manifest" }
        return text.contains("<?xml") ? "an XML document" : "text"
    }

    private static func isText(_ bytes: ArraySlice<UInt8>) -> Bool {
        bytes.allSatisfy { $0 >= 0x20 || $0 == 0x09 || $0 == 0x0A || $0 == 0x0D || $0 == 0x0C }
    }
}
