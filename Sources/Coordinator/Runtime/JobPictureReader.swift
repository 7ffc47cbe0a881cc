import Base
import Foundation
import Pictures
import Queue

/// Reads the pictures of jobs and the frames of their videos: from the queue where they are stored in it, else from
/// their files.
struct JobPictureReader: Sendable {
    let reader: PictureReader

    /// What the model gets.
    struct Picture: Sendable {
        /// [side, side, 3] bytes.
        let pixels: [UInt8]
        /// The size in its file; nil for a frame.
        let size: PictureSize?
    }

    /// Reads a picture, or the frames of a video.
    ///
    /// - Parameter counter: Advanced while a video is read.
    func read(_ image: JobImage, _ counter: ActivityCounter) throws(ImageError) -> [Picture] {
        guard let frames = image.frames else { return [try picture(image)] }
        let video = VideoReader(reader: reader) { counter.advance() }
        return try image.withFile { path, stamp throws(ImageError) in
            try video.read(path: path, frames: frames, expecting: stamp).map { Picture(pixels: $0.pixels, size: nil) }
        }
    }

    private func picture(_ image: JobImage) throws(ImageError) -> Picture {
        let read =
            if let bytes = image.bytes {
                try reader.read(
                    bytes: bytes, path: image.path,
                    stamp: image.stamp ?? FileStamp(size: Int64(bytes.count), modificationTime: 0))
            } else {
                try reader.read(path: image.path, expecting: image.stamp)
            }
        return Picture(
            pixels: read.image.pixels, size: PictureSize(width: read.originalWidth, height: read.originalHeight))
    }
}

extension JobImage {
    /// Calls `body` with the path of the file, and its stamp when it was submitted. A file that is stored in the queue
    /// is at that path only during the call.
    fileprivate func withFile<Value>(_ body: (String, FileStamp?) throws(ImageError) -> Value) throws(ImageError)
        -> Value
    {
        guard let bytes else { return try body(path, stamp) }
        let copy = NSTemporaryDirectory() + "paligemma-video-\(UUID().uuidString)"
        defer { unlink(copy) }
        guard (try? Data(bytes).write(to: URL(fileURLWithPath: copy))) != nil else {
            throw ImageError(.unreadable, at: path, "it is stored in the queue and cannot be written to \(copy)")
        }
        do {
            return try body(copy, nil)
        } catch {
            throw ImageError(error.code, at: path, error.reason)
        }
    }

    /// The stamp of the file when it was submitted, where there was one.
    fileprivate var stamp: FileStamp? {
        guard let size, let modified else { return nil }
        return FileStamp(size: size, modificationTime: modified)
    }
}
