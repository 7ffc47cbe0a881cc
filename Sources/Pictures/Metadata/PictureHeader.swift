import CImageCodecs

/// What a picture's header says before anything is allocated for its pixels.
struct PictureHeader {
    /// Size of the stored picture in pixels.
    private(set) var width = 0
    private(set) var height = 0
    /// How the stored picture is to be turned.
    private(set) var orientation = Orientation.upright
    /// Bytes that its decoder takes beside the result.
    private(set) var decoderBytes = 0
    /// JPEG: the number of components; otherwise 0.
    private(set) var components = 0
    /// PNG: the offset of the data of the IDAT chunk inside which the file ends; otherwise 0.
    private(set) var cutChunk = 0

    /// Reads the header of a file.
    ///
    /// - Parameters:
    ///   - channels: of the result, 3 or 4.
    ///   - lenient: whether damage that a lenient decoder gets over is accepted.
    /// - Throws: ``ImageError`` with the codes `unsupported_format`, `truncated`, `corrupt`, `too_large`, `no_memory`.
    init(_ bytes: [UInt8], format: ImageFormat, channels: Int, lenient: Bool) throws(ImageError) {
        switch format {
        case .jpeg:
            let header = try JPEGHeader(bytes)
            (width, height, components) = (header.width, header.height, header.components)
            decoderBytes = header.coefficientBytes + 64 * width + (1 << 20)
            orientation = header.metadata.orientation
        case .png:
            let header = try PNGHeader(bytes, lenient: lenient)
            (width, height, cutChunk) = (header.width, header.height, header.cutChunk ?? 0)
            decoderBytes = header.decoderBytes(channels: channels)
            orientation = header.metadata.orientation
        case .webp:
            let header = try WebPHeader(bytes, lenient: lenient)
            try read(bytes, format, pg_webp_header)
            (width, height, orientation) = (header.width, header.height, WebPHeader.metadata(bytes).orientation)
        case .gif: try read(bytes, format, pg_gif_header)
        case .bmp: try read(bytes, format, pg_bmp_header)
        case .tiff: try read(bytes, format, pg_tiff_header)
        case .avif: try read(bytes, format, pg_avif_header)
        case .heif: try read(bytes, format, pg_heif_header)
        case .jpegXL: try read(bytes, format, pg_jxl_header)
        case .jpeg2000: try read(bytes, format, pg_jp2_header)
        case .pnm: try read(bytes, format, pg_pnm_header)
        }
    }

    private typealias Reader = (UnsafePointer<UInt8>?, Int, UnsafeMutablePointer<pg_image_header>?) -> Int32

    private mutating func read(_ bytes: [UInt8], _ format: ImageFormat, _ reader: Reader) throws(ImageError) {
        var header = pg_image_header()
        let status = reader(bytes, bytes.count, &header)
        guard Int(status) == Int(PG_IMAGE_OK) else {
            throw ImageError(
                status: status, format: format, detail: withUnsafeBytes(of: &header.message) { String(text: $0) })
        }
        (width, height) = (Int(header.width), Int(header.height))
        orientation = Orientation(rawValue: Int(header.orientation)) ?? .upright
        decoderBytes = Int(clamping: header.memory)
    }
}

extension ImageError {
    /// The error for a status of the decoders.
    ///
    /// - Parameter detail: the reason of the library; may be empty.
    init(status: Int32, format: ImageFormat, detail: String) {
        switch Int(status) {
        case Int(PG_IMAGE_TRUNCATED): self = .truncated(format.name)
        case Int(PG_IMAGE_NO_MEMORY):
            self.init(.noMemory, "there is not enough memory to decode this \(format.name)")
        case Int(PG_IMAGE_UNSUPPORTED):
            self.init(.unsupportedFormat, "this \(format.name) cannot be decoded: \(detail); convert it first")
        case Int(PG_IMAGE_TOO_SLOW):
            self.init(.tooSlow, "this \(format.name) takes too long to decode; save it anew")
        default:
            self.init(
                .corrupt, "this \(format.name) cannot be decoded: \(detail.isEmpty ? "broken data" : detail)")
        }
    }
}

extension String {
    /// The text that C has in a buffer, up to its zero.
    init(text: UnsafeRawBufferPointer) {
        self.init(decoding: text.prefix { $0 != 0 }, as: UTF8.self)
    }
}
