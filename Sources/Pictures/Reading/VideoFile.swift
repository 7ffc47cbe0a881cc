import Base
import Glibc

/// A video that is open. Programs that read it get the descriptor and no name, so that what they read is what was looked
/// at here, and nothing else of this machine.
final class VideoFile {
    /// Names the file in an error.
    let path: String
    let descriptor: Int32
    let format: VideoFormat
    /// Size and time of the file; nil for bytes.
    let stamp: FileStamp?

    /// Opens the file at `path`.
    ///
    /// - Parameter root: the folder below which it has to be; nil for any.
    /// - Throws: ``ImageError`` with the codes `missing`, `unreadable`, `is_directory`, `not_permitted`, `empty`, `no_frames`.
    init(path: String, in root: FileRoot?) throws(ImageError) {
        // Non-blocking: opening a pipe would otherwise wait for a writer before the pipe can be refused.
        let descriptor = root.open(path, O_RDONLY | O_NONBLOCK)
        guard descriptor >= 0 else { throw ImageError(FileError(SystemError(errno), at: path)) }
        do throws(ImageError) {
            (stamp, format) = (try Self.stamp(descriptor, path), try Self.format(descriptor, path))
        } catch {
            close(descriptor)
            throw error
        }
        (self.path, self.descriptor) = (path, descriptor)
    }

    /// Puts bytes into a file without a name, which is gone when this object is and when no program reads it any more.
    ///
    /// - Parameter path: names the video in an error.
    /// - Throws: ``ImageError`` with the codes `unreadable`, `empty`, `no_frames`.
    init(bytes: [UInt8], path: String) throws(ImageError) {
        let descriptor: Int32
        do throws(SystemError) {
            descriptor = try anonymousFile()
        } catch {
            throw ImageError(.unreadable, at: path, "it cannot be handed to ffmpeg: \(error)")
        }
        do throws(ImageError) {
            guard (try? bytes.withUnsafeBytes({ try writeAll($0, to: descriptor) })) != nil else {
                throw ImageError(.noMemory, at: path, "there is not enough memory to hand it to ffmpeg")
            }
            format = try Self.format(descriptor, path)
        } catch {
            close(descriptor)
            throw error
        }
        (self.path, self.descriptor, stamp) = (path, descriptor, nil)
    }

    deinit { close(descriptor) }

    private static func stamp(_ descriptor: Int32, _ path: String) throws(ImageError) -> FileStamp {
        do throws(FileError) {
            return try FileStamp(descriptor: descriptor, path: path)
        } catch {
            throw ImageError(error)
        }
    }

    /// Finds out from the first bytes what the file is.
    private static func format(_ descriptor: Int32, _ path: String) throws(ImageError) -> VideoFormat {
        let capacity = MediaFormat.prefixBytes
        let start = [UInt8](unsafeUninitializedCapacity: capacity) { buffer, count in
            count = max(pread(descriptor, buffer.baseAddress, capacity, 0), 0)
        }
        guard !start.isEmpty else { throw ImageError(.empty, at: path, "the file is empty") }
        let what: String
        switch MediaFormat(of: start) {
        case .video(let format): return format
        case .image(let image):
            if let format = VideoFormat(animated: image) { return format }
            what = "a picture (\(image.name))"
        case .unsupported(let name): what = name
        case .other(let description): what = description
        }
        throw ImageError(
            .noFrames, at: path,
            "this is not a video but \(what); give a video in a usual container (MP4, WebM, Matroska, AVI, …)")
    }
}
