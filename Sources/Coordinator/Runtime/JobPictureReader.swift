import Base
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
        /// Whether parts of it were missing or broken and have been filled in.
        let isDamaged: Bool
    }

    /// Reads a picture, or the frames of a video.
    ///
    /// - Parameter counter: Advanced while a video is read.
    func read(_ image: JobImage, _ counter: ActivityCounter) throws(ImageError) -> [Picture] {
        guard let frames = image.frames else { return [try picture(image)] }
        let video = VideoReader(reader: reader) { counter.advance() }
        let images =
            if let bytes = image.bytes {
                try video.read(bytes: bytes, path: image.path, frames: frames)
            } else {
                try video.read(path: image.path, frames: frames, expecting: image.stamp)
            }
        return images.map { Picture(pixels: $0.pixels, size: nil, isDamaged: false) }
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
            pixels: read.image.pixels, size: PictureSize(width: read.originalWidth, height: read.originalHeight),
            isDamaged: read.isDamaged)
    }
}

extension JobImage {
    /// The stamp of the file when it was submitted, where there was one.
    fileprivate var stamp: FileStamp? {
        guard let size, let modified else { return nil }
        return FileStamp(size: size, modificationTime: modified)
    }
}
