import Foundation

/// Bounds the memory of the pictures that are read at the same time: a picture waits until there is room for it, or until
/// it is alone. For any threads, each with one picture at a time. Frames of a video do not wait for each other, because a
/// long video would hold up pictures for minutes; they are refused where one of them alone has no room.
package final class PictureBudget: @unchecked Sendable {
    // @unchecked: `used` and `decoding` are read and written under the condition's lock.

    /// Bytes of all pictures together.
    private let shared: Int
    /// Bytes of one picture.
    private let largest: Int
    private let condition = NSCondition()
    private var used = 0
    private var decoding = 0

    /// - Parameters:
    ///   - bytes: of all pictures together.
    ///   - largest: bytes of one picture, which is refused above them.
    package init(bytes: Int, largest: Int) {
        shared = bytes
        self.largest = largest
    }

    /// Waits until there is room for the bytes of a file, or until no other file is in memory.
    ///
    /// - Throws: ``ImageError`` with the code `no_memory` where there never is.
    package func takeFile(_ bytes: Int) throws(ImageError) {
        try check(bytes)
        condition.lock()
        defer { condition.unlock() }
        while used > 0, bytes > shared - used { condition.wait() }
        used += bytes
    }

    /// Waits until there is room for what decoding takes, or until no other picture is decoded. Files that are in memory
    /// and wait for their turn do not count as decoded: two of them would wait for each other.
    ///
    /// - Throws: ``ImageError`` with the code `no_memory` where there never is room.
    func takePicture(_ bytes: Int) throws(ImageError) {
        try check(bytes)
        condition.lock()
        defer { condition.unlock() }
        while decoding > 0, bytes > shared - used { condition.wait() }
        used += bytes
        decoding += 1
    }

    /// Checks that there can be room for a picture.
    ///
    /// - Throws: ``ImageError`` with the code `no_memory` where there never is.
    func check(_ bytes: Int) throws(ImageError) {
        guard bytes <= largest else {
            throw ImageError(
                .noMemory,
                "to decode it takes \(bytes) bytes; the memory that this worker may use has room for \(largest); shrink it, "
                    + "or give the worker more")
        }
    }

    /// Gives back what a file took.
    package func giveFile(_ bytes: Int) { give(bytes, pictures: 0) }

    /// Gives back what a picture took.
    func givePicture(_ bytes: Int) { give(bytes, pictures: 1) }

    private func give(_ bytes: Int, pictures: Int) {
        condition.lock()
        defer { condition.unlock() }
        used -= bytes
        decoding -= pictures
        condition.broadcast()
    }
}
