/// A picture of 8-bit RGB pixels.
package struct RGBImage: Sendable, Equatable {
    /// Width in pixels, at least 1.
    package let width: Int
    /// Height in pixels, at least 1.
    package let height: Int
    /// [height, width, 3] bytes: rows from the top, red, green and blue of each pixel side by side.
    package let pixels: [UInt8]

    /// - Precondition: `pixels` holds `width * height * 3` bytes.
    package init(width: Int, height: Int, pixels: [UInt8]) {
        precondition(width > 0 && height > 0 && pixels.count == width * height * 3)
        self.width = width
        self.height = height
        self.pixels = pixels
    }
}
