/// What decoding a file gives.
package struct DecodedPicture: Sendable, Equatable {
    package let image: RGBImage
    /// Size in pixels of the picture in its file, after it was turned upright. A fast decoder may give a smaller `image`.
    package let originalWidth: Int
    package let originalHeight: Int
    /// Whether parts of the picture were missing or broken and have been filled in.
    package let isDamaged: Bool
}
