import CImageCodecs

/// Decodes the bytes of a JPEG, PNG or WebP file to RGB pixels, equal to what Pillow gives for
/// `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`.
///
/// Alpha is dropped, gray is replicated, palettes are looked up, CMYK is converted without a profile, 16-bit gray is
/// clipped and other 16-bit samples keep their high byte. Gamma and color profiles are not applied. Of an animation the
/// first frame is decoded.
package enum ImageDecoder {
    package struct Options: Sendable, Equatable {
        /// Whether pixels stay as they are stored, whatever orientation the metadata ask for.
        package var ignoreExif = false
        /// Maximum number of pixels of a picture, checked from its header before anything is allocated for them.
        /// The default is the number above which Pillow refuses a picture.
        package var maximumPixels = 178_956_970

        package init(ignoreExif: Bool = false) { self.ignoreExif = ignoreExif }
    }

    /// Called with the number of a picture's pixels before memory is allocated for them. Where it throws, the picture
    /// is not decoded.
    typealias Admission = (Int) throws(ImageError) -> Void

    /// Decodes the bytes of a file.
    ///
    /// - Throws: ``ImageError`` with the codes `empty`, `not_a_picture`, `unsupported_format`, `truncated`, `corrupt`,
    ///   `too_large`, `no_memory`.
    package static func decode(_ bytes: [UInt8], options: Options = Options()) throws(ImageError) -> RGBImage {
        try decode(bytes, options: options) { (_) throws(ImageError) in }
    }

    /// Decodes the bytes of a file, after `admit` has allowed it.
    ///
    /// - Throws: as ``decode(_:options:)``, and what `admit` throws.
    static func decode(
        _ bytes: [UInt8], options: Options, admit: Admission
    ) throws(ImageError) -> RGBImage {
        guard !bytes.isEmpty else { throw ImageError(.empty, "the file is empty") }
        switch ImageFormat(of: bytes) {
        case .jpeg: return try decodeJPEG(bytes, options, admit)
        case .png: return try decodePNG(bytes, options, admit)
        case .webp: return try decodeWebP(bytes, options, admit)
        case .unsupported(let name):
            throw ImageError(
                .unsupportedFormat, "this is \(name); only JPEG, PNG and WebP can be decoded, convert it first")
        case .notAPicture(let what):
            throw ImageError(.notAPicture, "this is not a picture but \(what)")
        }
    }

    private static func decodeJPEG(
        _ bytes: [UInt8], _ options: Options, _ admit: Admission
    ) throws(ImageError) -> RGBImage {
        let header = try JPEGHeader(bytes)
        let image = try fill("JPEG", header.width, header.height, options, admit) { rgb, message in
            pg_jpeg_decode(
                bytes, bytes.count, Int32(header.components), UInt32(header.width), UInt32(header.height), rgb, message)
        }
        return image.oriented(options.ignoreExif ? .upright : header.metadata.orientation)
    }

    private static func decodePNG(
        _ bytes: [UInt8], _ options: Options, _ admit: Admission
    ) throws(ImageError) -> RGBImage {
        let header = try PNGHeader(bytes)
        let image = try fill("PNG", header.width, header.height, options, admit) { rgb, message in
            pg_png_decode(
                bytes, bytes.count, header.cutChunk ?? 0, UInt32(header.width), UInt32(header.height), rgb,
                message)
        }
        return image.oriented(options.ignoreExif ? .upright : header.metadata.orientation)
    }

    private static func decodeWebP(
        _ bytes: [UInt8], _ options: Options, _ admit: Admission
    ) throws(ImageError) -> RGBImage {
        let header = try WebPHeader(bytes)
        let image = try fill("WebP", header.width, header.height, options, admit) { rgb, message in
            pg_webp_decode(bytes, bytes.count, UInt32(header.width), UInt32(header.height), rgb, message)
        }
        return image.oriented(options.ignoreExif ? .upright : WebPHeader.metadata(bytes).orientation)
    }

    /// Checks the size that a header gives, allocates height x width x 3 bytes, and has a decoder of the shim fill
    /// them.
    private static func fill(
        _ format: String, _ width: Int, _ height: Int, _ options: Options, _ admit: Admission,
        _ decode: (UnsafeMutablePointer<UInt8>, UnsafeMutablePointer<CChar>) -> Int32
    ) throws(ImageError) -> RGBImage {
        guard width > 0, height > 0 else {
            throw ImageError(.corrupt, "its header says \(width) x \(height) pixels")
        }
        guard width <= options.maximumPixels / height else {
            throw ImageError(
                .tooLarge,
                "its header says \(width) x \(height) pixels; at most \(options.maximumPixels) are decoded, shrink it first"
            )
        }
        try admit(width * height)
        var status = Int32(PG_IMAGE_OK)
        var detail = ""
        let pixels = [UInt8](unsafeUninitializedCapacity: width * height * 3) { buffer, count in
            withUnsafeTemporaryAllocation(of: CChar.self, capacity: Int(PG_IMAGE_MESSAGE_BYTES)) { message in
                message.initialize(repeating: 0)
                guard let rgb = buffer.baseAddress, let text = message.baseAddress else { return }
                status = decode(rgb, text)
                detail = String(cString: text)
            }
            count = status == Int32(PG_IMAGE_OK) ? width * height * 3 : 0
        }
        switch Int(status) {
        case Int(PG_IMAGE_OK): return RGBImage(width: width, height: height, pixels: pixels)
        case Int(PG_IMAGE_TRUNCATED): throw ImageError.truncated(format)
        case Int(PG_IMAGE_NO_MEMORY):
            throw ImageError(.noMemory, "there is not enough memory for \(width) x \(height) pixels")
        default:
            throw ImageError(.corrupt, "this \(format) cannot be decoded: \(detail.isEmpty ? "broken data" : detail)")
        }
    }
}
