import Base
import Foundation
import JobPictures
import Pictures
import Queue

/// Small pictures of jobs for people to look at. Only what is stored in the queue is shown, and files below one folder:
/// who may look at answers must not read the disks of the service through the jobs that somebody submits.
package struct PicturePreviews: Sendable {
    /// A JPEG whose longer side has at most this many pixels.
    package static let side = 512
    private static let largestFile: Int64 = 64 << 20
    private static let maximumPixels = 64_000_000

    /// Nil where no file is shown.
    private let root: FileRoot?
    private let store = PictureStore()

    /// - Parameter root: The folder below which files are shown; nil for none.
    package init(root: String?) { self.root = root.map { FileRoot($0) } }

    /// Returns the picture as a JPEG. It takes the time of decoding, and the memory.
    ///
    /// - Throws: ``APIError``: `not_permitted` for a file that is not shown, in the same words whether there is one or not;
    ///   `picture_unavailable` for what cannot be shown.
    package func jpeg(of image: JobImage) throws(APIError) -> [UInt8] {
        if image.frames != nil { throw unavailable("a video is not shown") }
        if PictureStore.isRemote(image) { throw unavailable("a picture on a server is not shown") }
        let bytes = if let stored = image.bytes { stored } else { try fileBytes(of: image) }
        do throws(ImageError) {
            return try Self.encode(bytes)
        } catch {
            throw unavailable(error.reason)
        }
    }

    /// As ``jpeg(of:)``, on a thread that may take its time.
    ///
    /// - Throws: ``APIError``.
    func jpegOnItsOwnThread(of image: JobImage) async throws(APIError) -> [UInt8] {
        let result = await withCheckedContinuation { continuation in
            DispatchQueue.global(qos: .utility).async {
                continuation.resume(returning: Result { () throws(APIError) in try jpeg(of: image) })
            }
        }
        return try result.get()
    }

    private static func encode(_ bytes: [UInt8]) throws(ImageError) -> [UInt8] {
        var options = ImageDecoder.Options()
        options.maximumPixels = maximumPixels
        options.lenient = true
        options.fastDecode = true
        options.background = RGBColor(red: 255, green: 255, blue: 255)
        let image = try ImageDecoder.decode(bytes, options: options, forSide: side).image
        let longer = max(image.width, image.height)
        guard longer > side else { return try JPEGWriter.encode(image) }
        func scaled(_ length: Int) -> Int { max(1, (length * side + longer / 2) / longer) }
        return try JPEGWriter.encode(
            PillowResampling.resize(image, toWidth: scaled(image.width), height: scaled(image.height)))
    }

    private func unavailable(_ reason: String) -> APIError {
        APIError(422, .invalidRequest, code: "picture_unavailable", reason)
    }

    // MARK: Files

    /// Reads a file below the root.
    private func fileBytes(of image: JobImage) throws(APIError) -> [UInt8] {
        let refusal = APIError(
            403, .permission, code: "not_permitted",
            "this service shows pictures that are stored in the queue, and files below its --picture-root, not this one"
        )
        guard let descriptor = root?.open(image.path, O_RDONLY | O_NONBLOCK | O_NOCTTY), descriptor >= 0 else {
            throw refusal
        }
        defer { close(descriptor) }
        let open = "/proc/self/fd/\(descriptor)"
        do {
            var image = image
            image.path = open
            if let part = image.part { return try store.bytes(of: image, in: part) }
            let file = try FileBytes(path: open, maximumSize: Self.largestFile)
            try image.expectation.verify(file.stamp, path: image.name)
            return file.bytes
        } catch let error as FileError {
            throw unavailable(error.reason)
        } catch let error as ImageError {
            throw unavailable(error.reason)
        } catch {
            throw unavailable("its file cannot be read, or has changed since it was submitted")
        }
    }
}
