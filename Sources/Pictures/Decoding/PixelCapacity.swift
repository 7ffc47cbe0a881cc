import Foundation

/// Bounds the memory of the pictures that are decoded at the same time: a picture waits until there is room for it, or
/// until it is alone. For any threads, each with one picture at a time. Frames of a video do not wait for each other,
/// because a long video would hold up pictures for minutes; they are refused where one of them alone has no room.
package final class PixelCapacity: @unchecked Sendable {
    // @unchecked: `used` is read and written under the condition's lock.

    /// What a picture takes of a pixel while it is decoded, turned upright and resized: its own three bytes, those of
    /// the turned picture, and what libraries and the resized rows need beside them.
    private static let bytesPerPixel = 8

    /// Pixels of all pictures together.
    private let shared: Int
    /// Pixels of one picture.
    private let single: Int
    private let condition = NSCondition()
    private var used = 0

    /// - Parameters:
    ///   - bytes: of all pictures together.
    ///   - largest: bytes of one picture, which is refused above them.
    package init(bytes: Int, largest: Int) {
        shared = bytes / Self.bytesPerPixel
        single = largest / Self.bytesPerPixel
    }

    /// Waits until there is room for a picture.
    ///
    /// - Throws: ``ImageError`` with the code `no_memory` where there never is.
    func take(_ pixels: Int) throws(ImageError) {
        try check(pixels)
        condition.lock()
        defer { condition.unlock() }
        while used > 0, pixels > shared - used { condition.wait() }
        used += pixels
    }

    /// Checks that there can be room for a picture.
    ///
    /// - Throws: ``ImageError`` with the code `no_memory` where there never is.
    func check(_ pixels: Int) throws(ImageError) {
        guard pixels <= single else {
            throw ImageError(
                .noMemory,
                "it has \(pixels) pixels; the memory that this worker may use has room for \(single); shrink it, or give "
                    + "the worker more")
        }
    }

    /// Gives back what a picture took.
    func give(_ pixels: Int) {
        condition.lock()
        defer { condition.unlock() }
        used -= pixels
        condition.broadcast()
    }
}
