/// A format of pictures that can be decoded.
package enum ImageFormat: String, Sendable, CaseIterable {
    case jpeg = "JPEG"
    case png = "PNG"
    case gif = "GIF"
    case bmp = "BMP"
    case tiff = "TIFF"
    case webp = "WebP"
    case avif = "AVIF"
    case heif = "HEIF"
    case jpegXL = "JPEG XL"
    case jpeg2000 = "JPEG 2000"
    case pnm = "PNM"

    /// The format's name, as messages have it.
    package var name: String { rawValue }

    /// The extensions that files of this format have, in lower case and without the dot. A file of any name is
    /// recognized by its first bytes (``MediaFormat/init(of:)``); these say which files of a folder may be pictures.
    package var extensions: [String] {
        switch self {
        // A file of several pictures (mpo) is a JPEG with more of them behind the first.
        case .jpeg: ["jpg", "jpeg", "jpe", "jfif", "jif", "jfi", "pjpeg", "pjpg", "pjp", "mpo"]
        case .png: ["png", "apng"]
        case .gif: ["gif", "giff"]
        case .bmp: ["bmp", "dib"]
        case .tiff: ["tif", "tiff"]
        case .webp: ["webp"]
        case .avif: ["avif", "avifs"]
        case .heif: ["heic", "heif", "heics", "heifs", "hif"]
        case .jpegXL: ["jxl"]
        case .jpeg2000: ["jp2", "j2k", "j2c", "jpc", "jpf", "jpx", "jpm"]
        case .pnm: ["pbm", "pgm", "ppm", "pnm"]
        }
    }

    /// Finds the format by an extension, in any case and without the dot; nil where no format has it.
    package init?(extension text: String) {
        let lowercased = text.lowercased()
        guard let format = Self.allCases.first(where: { $0.extensions.contains(lowercased) }) else { return nil }
        self = format
    }
}
