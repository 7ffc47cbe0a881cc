import Base
import CImageCodecs
import Glibc

/// Writes pictures losslessly, as 8-bit RGB PNG.
package enum PNGWriter {
    /// Returns the bytes of a PNG file.
    ///
    /// - Throws: ``ImageError`` with the code `no_memory`.
    package static func encode(_ image: RGBImage) throws(ImageError) -> [UInt8] {
        var png: UnsafeMutablePointer<UInt8>?
        var count = 0
        guard
            Int(pg_png_encode(image.pixels, UInt32(image.width), UInt32(image.height), &png, &count))
                == Int(PG_IMAGE_OK)
        else { throw ImageError(.noMemory, "there is not enough memory to encode the picture") }
        defer { pg_image_free(png) }
        return Array(UnsafeBufferPointer(start: png, count: count))
    }

    /// Writes the picture to `path` and replaces what was there.
    ///
    /// - Throws: ``ImageError`` with the codes `no_memory`, `unwritable`.
    package static func write(_ image: RGBImage, to path: String) throws(ImageError) {
        let bytes = try encode(image)
        do throws(SystemError) {
            try FileSystem.write(bytes, to: path)
        } catch {
            throw ImageError(.unwritable, at: path, "the picture cannot be written: \(error)")
        }
    }
}
