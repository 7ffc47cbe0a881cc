import CImageCodecs

/// Decodes the bytes of a picture file to RGB pixels, equal to what Pillow gives for
/// `ImageOps.exif_transpose(Image.open(file)).convert("RGB")`.
///
/// Alpha is dropped, gray is replicated, palettes are looked up, CMYK is converted without a profile, 16-bit gray is
/// clipped and other 16-bit samples keep their high byte. Gamma and color profiles are not applied. Of an animation the
/// first frame is decoded, of a file of several pictures the first.
///
/// The call has no state and needs nothing but the bytes and the options, so that a process of its own can do it.
package enum ImageDecoder {
    package struct Options: Sendable, Equatable {
        /// Whether pixels stay as they are stored, whatever orientation the metadata ask for.
        package var ignoreExif = false
        /// Maximum number of pixels of a picture, checked from its header before anything is allocated for them.
        /// The default is the number above which Pillow refuses a picture.
        package var maximumPixels = 178_956_970
        /// Whether a damaged picture gives what can be decoded. The rest is what Pillow leaves there with
        /// `LOAD_TRUNCATED_IMAGES`: gray in a JPEG, otherwise the color of the samples 0. Such a picture is marked as
        /// damaged.
        package var lenient = false
        /// The color that shows through transparent pixels; nil drops the alpha channel, as transformers does, and shows
        /// the colors that are stored below.
        package var background: RGBColor?
        /// Whether 16-bit gray is scaled to 8 bits; else it is clipped, as Pillow does.
        package var scale16Bit = false
        /// Whether a large JPEG is decoded at a half, a quarter or an eighth of its size, where it has twice as many
        /// pixels a side as are wanted or more. Faster, and no longer equal to Pillow's pixels.
        package var fastDecode = false

        /// Seconds of processor time that no picture may pass, beside those that its pixels allow it; nil for the usual ones.
        package var maximumSeconds: Double?

        package init(ignoreExif: Bool = false) { self.ignoreExif = ignoreExif }

        /// What the options change of the pixels of a sound picture, as a text; nil for nothing.
        package var difference: String? {
            var parts: [String] = []
            if ignoreExif { parts.append("ignore-exif") }
            if let background { parts.append("background \(background)") }
            if scale16Bit { parts.append("scale-16-bit") }
            if fastDecode { parts.append("fast-decode") }
            return parts.isEmpty ? nil : parts.joined(separator: ", ")
        }
    }

    /// Maximum side of a picture in pixels. What resizing takes beside the pixels grows with the longer side.
    package static let maximumSide = 1 << 20

    /// Called with the bytes that decoding a picture takes, before any of them is allocated. Where it throws, the
    /// picture is not decoded.
    typealias Admission = (Int) throws(ImageError) -> Void

    /// Decodes the bytes of a file.
    ///
    /// - Parameter side: the side of the square that the picture will become, for `fastDecode`; nil decodes in full.
    /// - Throws: ``ImageError`` with the codes `empty`, `not_a_picture`, `unsupported_format`, `truncated`, `corrupt`,
    ///   `too_large`, `too_slow`, `no_memory`.
    package static func decode(
        _ bytes: [UInt8], options: Options = Options(), forSide side: Int? = nil
    ) throws(ImageError) -> DecodedPicture {
        try decode(bytes, options: options, forSide: side) { (_) throws(ImageError) in }
    }

    /// Decodes the bytes of a file, after `admit` has allowed it.
    ///
    /// - Throws: as ``decode(_:options:forSide:)``, and what `admit` throws.
    static func decode(
        _ bytes: [UInt8], options: Options, forSide side: Int?, admit: Admission
    ) throws(ImageError) -> DecodedPicture {
        guard !bytes.isEmpty else { throw ImageError(.empty, "the file is empty") }
        let format: ImageFormat
        switch MediaFormat(of: bytes) {
        case .image(let known): format = known
        case .video(let video):
            throw ImageError(
                .unsupportedFormat, "this is a video (\(video.name)); ask about its frames, as \"video\"")
        case .unsupported(let name):
            throw ImageError(.unsupportedFormat, "this is \(name), which cannot be decoded; convert it first")
        case .other(let what):
            throw ImageError(.notAPicture, "this is not a picture but \(what)")
        }
        let header = try PictureHeader(
            bytes, format: format, channels: DecodingPlan.channels(format, options), lenient: options.lenient)
        try checkSize(header, options)
        let plan = DecodingPlan(header, format: format, options: options, side: side)
        try admit(plan.bytes)
        let (image, damaged) = try plan.decode(bytes)
        let orientation = options.ignoreExif ? .upright : header.orientation
        return DecodedPicture(
            image: image.oriented(orientation),
            originalWidth: orientation.swapsAxes ? header.height : header.width,
            originalHeight: orientation.swapsAxes ? header.width : header.height, isDamaged: damaged)
    }

    private static func checkSize(_ header: PictureHeader, _ options: Options) throws(ImageError) {
        let (width, height) = (header.width, header.height)
        guard width > 0, height > 0 else {
            throw ImageError(.corrupt, "its header says \(width) x \(height) pixels")
        }
        guard width <= options.maximumPixels / height else {
            throw ImageError(
                .tooLarge,
                "its header says \(width) x \(height) pixels; at most \(options.maximumPixels) are decoded, shrink it first"
            )
        }
        guard max(width, height) <= maximumSide else {
            throw ImageError(
                .tooLarge,
                "its header says \(width) x \(height) pixels; a side has at most \(maximumSide), cut it into pieces")
        }
    }
}
