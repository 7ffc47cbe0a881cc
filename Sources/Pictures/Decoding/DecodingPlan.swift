import Base
import CImageCodecs

/// How a picture is decoded and what that takes, known from its header.
struct DecodingPlan {
    /// Size of the result in pixels, before it is turned.
    let width: Int
    let height: Int
    /// Bytes that decoding, turning and resizing the picture take together, at most.
    let bytes: Int

    private let format: ImageFormat
    private let header: PictureHeader
    private let options: ImageDecoder.Options
    /// JPEG: how many eighths of its size the result has.
    private let eighths: Int
    /// 3: RGB; 4: RGBA, for a background.
    private let channels: Int

    /// Times that a decoded picture may be as large as the square that it becomes, each way, before it is decoded smaller.
    private static let fastDecodeFactor = 2
    /// Seconds of processor time that a picture may take, those for each million of its pixels, and those that no picture
    /// may pass, because a watchdog waits for it. A picture that is not made on purpose takes a tenth.
    private static let seconds = 10.0
    private static let secondsPerMegapixel = 0.25
    private static let maximumSeconds = 40.0

    /// Channels that a format is decoded to: RGBA for a background, where the format can have alpha.
    static func channels(_ format: ImageFormat, _ options: ImageDecoder.Options) -> Int {
        options.background == nil || format == .jpeg ? 3 : 4
    }

    init(_ header: PictureHeader, format: ImageFormat, options: ImageDecoder.Options, side: Int?) {
        self.header = header
        self.format = format
        self.options = options
        let eighths = Self.eighths(header, format, options, side)
        self.eighths = eighths
        width = (header.width * eighths + 7) / 8
        height = (header.height * eighths + 7) / 8
        channels = Self.channels(format, options)
        // Beside the picture there are, one after the other: what its decoder takes, the picture without alpha, the
        // picture turned, and the rows or columns of the resized picture with the weights of its filter.
        let picture = width * height
        let afterwards = max(picture * 3, 32 * max(width, height)) + 1 << 20
        bytes = picture * channels + max(header.decoderBytes, afterwards)
    }

    private static func eighths(
        _ header: PictureHeader, _ format: ImageFormat, _ options: ImageDecoder.Options, _ side: Int?
    ) -> Int {
        guard options.fastDecode, format == .jpeg, let side else { return 8 }
        let smaller = min(header.width, header.height)
        return [1, 2, 4].first { smaller * $0 / 8 >= side * fastDecodeFactor } ?? 8
    }

    /// Decodes the picture, and lays it on the background where there is one.
    ///
    /// - Returns: the picture as it is stored, and whether parts of it were filled in.
    /// - Throws: ``ImageError`` with the codes `unsupported_format`, `truncated`, `corrupt`, `too_slow`, `no_memory`.
    func decode(_ bytes: [UInt8]) throws(ImageError) -> (image: RGBImage, isDamaged: Bool) {
        var report = pg_image_report()
        var status = Int32(PG_IMAGE_OK)
        let size = width * height * channels
        let pixels = [UInt8](unsafeUninitializedCapacity: size) { buffer, count in
            LargePages.advise(UnsafeMutableRawBufferPointer(buffer))
            buffer.initialize(repeating: 0)
            bytes.withUnsafeBufferPointer { file in
                guard let start = file.baseAddress, let target = buffer.baseAddress else { return }
                var request = request
                request.bytes = start
                request.count = file.count
                status = decoder(&request, target, &report)
            }
            count = size
        }
        guard Int(status) == Int(PG_IMAGE_OK) else {
            throw ImageError(
                status: status, format: format, detail: withUnsafeBytes(of: &report.message) { String(text: $0) })
        }
        guard let background = options.background, channels == 4 else {
            return (RGBImage(width: width, height: height, pixels: pixels), report.damaged != 0)
        }
        return (.init(width: width, height: height, rgba: pixels, on: background), report.damaged != 0)
    }

    private var request: pg_image_request {
        var request = pg_image_request()
        request.width = UInt32(width)
        request.height = UInt32(height)
        request.channels = Int32(channels)
        request.lenient = options.lenient ? 1 : 0
        request.scale_16_bit = options.scale16Bit ? 1 : 0
        request.components = Int32(header.components)
        request.scale_eighths = Int32(eighths)
        request.cut_chunk = header.cutChunk
        request.memory = header.decoderBytes
        let megapixels = Double(header.width * header.height) / 1e6
        request.seconds = min(
            Self.seconds + Self.secondsPerMegapixel * megapixels, options.maximumSeconds ?? Self.maximumSeconds)
        return request
    }

    private typealias Decoder = (
        UnsafePointer<pg_image_request>?, UnsafeMutablePointer<UInt8>?, UnsafeMutablePointer<pg_image_report>?
    ) -> Int32

    private var decoder: Decoder {
        switch format {
        case .jpeg: pg_jpeg_decode
        case .png: pg_png_decode
        case .webp: pg_webp_decode
        case .gif: pg_gif_decode
        case .bmp: pg_bmp_decode
        case .tiff: pg_tiff_decode
        case .avif: pg_avif_decode
        case .heif: pg_heif_decode
        case .jpegXL: pg_jxl_decode
        case .jpeg2000: pg_jp2_decode
        case .pnm: pg_pnm_decode
        }
    }
}

extension RGBImage {
    /// Lays [height, width, 4] bytes of RGBA on a color, as Pillow pastes them with their own alpha.
    fileprivate init(width: Int, height: Int, rgba: [UInt8], on color: RGBColor) {
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
            pg_image_composite(rgba, width * height, color.red, color.green, color.blue, buffer.baseAddress)
            count = width * height * 3
        }
        self.init(width: width, height: height, pixels: pixels)
    }
}
