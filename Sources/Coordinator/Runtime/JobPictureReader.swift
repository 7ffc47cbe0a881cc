import Base
import JobPictures
import Pictures
import Queue

/// Reads the pictures of jobs and the frames of their videos: from the queue where they are stored in it, from shards, tables
/// and servers, else from their files.
struct JobPictureReader: Sendable {
    private let reader: PictureReader
    private let store: PictureStore

    init(reader: PictureReader, store: PictureStore) {
        var reader = reader
        reader.root = store.root
        (self.reader, self.store) = (reader, store)
    }

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
    /// - Throws: `ImageError`, ``PictureFailure``.
    func read(_ image: JobImage, _ counter: ActivityCounter) throws -> [Picture] {
        do {
            return try pictures(of: image, counter)
        } catch let error as ImageError where error.code == .notPermitted {
            // Where the path leads is not said.
            throw ImageError(.notPermitted, at: image.name, error.reason)
        }
    }

    private func pictures(of image: JobImage, _ counter: ActivityCounter) throws -> [Picture] {
        // What is read out of a shard or a table takes room as a file does.
        var taken = 0
        defer { if taken > 0 { reader.budget?.giveFile(taken) } }
        if case .range(_, let count)? = image.part, image.bytes == nil, let size = Int(exactly: count) {
            try reader.budget?.takeFile(size)
            taken = size
        }
        let bytes = try image.bytes ?? image.part.map { try store.bytes(of: image, in: $0) }
        if taken == 0, image.bytes == nil, let bytes {
            try reader.budget?.takeFile(bytes.count)
            taken = bytes.count
        }
        guard let frames = image.frames else { return [try picture(image, bytes)] }
        guard (1...VideoReader.maximumFrames).contains(frames) else {
            throw ImageError(
                .noFrames, at: image.name,
                "\(frames.counted("frame is", "frames are")) asked for; 1 to \(VideoReader.maximumFrames) can be")
        }
        let video = VideoReader(reader: reader) { counter.advance() }
        let images =
            if let bytes {
                try video.read(bytes: bytes, path: image.path, frames: frames)
            } else {
                try video.read(path: image.path, frames: frames, expecting: image.expectation)
            }
        return images.map { Picture(pixels: $0.pixels, size: nil, isDamaged: false) }
    }

    private func picture(_ image: JobImage, _ bytes: [UInt8]?) throws(ImageError) -> Picture {
        let read =
            if let bytes {
                try reader.read(
                    bytes: bytes, path: image.part == nil ? image.path : image.name,
                    stamp: FileStamp(size: Int64(bytes.count), modificationTime: image.modified ?? 0))
            } else {
                try reader.read(path: image.path, expecting: image.expectation)
            }
        return Picture(
            pixels: read.image.pixels, size: PictureSize(width: read.originalWidth, height: read.originalHeight),
            isDamaged: read.isDamaged)
    }
}
