import CImageCodecs

/// Encodes pictures as baseline JPEG, for people to look at.
package enum JPEGWriter {
    /// A longer side is none that a JPEG can have.
    package static let maximumSide = 65_500

    /// Returns the bytes of a JPEG file.
    ///
    /// - Parameter quality: 1 to 100, as libjpeg has it.
    /// - Throws: ``ImageError`` with the codes `too_large`, `no_memory`.
    package static func encode(_ image: RGBImage, quality: Int = 85) throws(ImageError) -> [UInt8] {
        guard max(image.width, image.height) <= maximumSide else {
            throw ImageError(
                .tooLarge,
                "it has \(image.width) x \(image.height) pixels; a side of a JPEG has at most \(maximumSide)")
        }
        var jpeg: UnsafeMutablePointer<UInt8>?
        var count = 0
        let status = pg_jpeg_encode(
            image.pixels, UInt32(image.width), UInt32(image.height), Int32(min(max(quality, 1), 100)), &jpeg, &count)
        guard Int(status) == Int(PG_IMAGE_OK) else {
            throw ImageError(.noMemory, "there is not enough memory to encode the picture")
        }
        defer { pg_image_free(jpeg) }
        return Array(UnsafeBufferPointer(start: jpeg, count: count))
    }
}
