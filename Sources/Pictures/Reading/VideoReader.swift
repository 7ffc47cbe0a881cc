import Base
import Foundation

/// Reads evenly spaced frames of a video with the programs ffprobe and ffmpeg: of a video with N frames, frame `i` of `n`
/// is the one with the index floor(i · N / n), as the model was trained. A video with fewer than `n` frames is repeated
/// from its start.
package struct VideoReader: Sendable {
    /// Its resizing and its limits apply to the frames.
    private let reader: PictureReader
    /// Seconds after which reading one video is given up.
    private let timeout: Double
    /// Called several times a second while ffmpeg works, so that a watchdog sees progress.
    private let onWait: @Sendable () -> Void

    /// Number of frames that the model was trained with.
    package static let standardFrames = 16
    /// Maximum number of frames that a job may ask for. The context of a model has room for fewer.
    package static let maximumFrames = 1024

    package init(reader: PictureReader, timeout: Double = 600, onWait: @escaping @Sendable () -> Void = {}) {
        self.reader = reader
        self.timeout = timeout
        self.onWait = onWait
    }

    /// Returns `count` frames of the video at `path`, each [side, side, 3] bytes.
    ///
    /// - Parameters:
    ///   - count: number of frames, at least 1.
    ///   - expected: the stamp of the file when it was submitted; another stamp is an error.
    /// - Throws: ``ImageError`` with the codes `missing`, `unreadable`, `changed`, `no_program`, `no_frames`, `corrupt`,
    ///   `too_large`, `no_memory`, `timed_out`.
    package func read(path: String, frames count: Int, expecting expected: FileStamp? = nil) throws(ImageError)
        -> [RGBImage]
    {
        precondition(count > 0)
        let stamp: FileStamp
        do throws(FileError) {
            stamp = try FileStamp(path: path)
        } catch {
            throw ImageError(error)
        }
        if let expected, expected != stamp {
            throw ImageError(.changed, at: path, "the file changed since it was submitted; submit it again")
        }
        let available = try self.frameCount(of: path)
        // Damaged packets give no frame, so there may be fewer than the container lists.
        let frames = try pictures(of: path, min(count, available), of: available)
        guard !frames.isEmpty else { throw Self.noFrames(path) }
        return (0..<count).map { frames[$0 % frames.count] }
    }

    private func frameCount(of path: String) throws(ImageError) -> Int {
        var text: [UInt8] = []
        let outcome = try run(
            "ffprobe",
            [
                "-v", "error", "-protocol_whitelist", "file", "-select_streams", "v:0", "-count_packets",
                "-show_entries", "stream=nb_read_packets", "-of", "csv=p=0", "file:" + path,
            ], path
        ) { text += $0 }
        guard outcome.succeeded else { throw Self.corrupt(path, outcome) }
        // ffprobe lists a stream of a transport stream twice: by itself and below its program.
        let first = String(decoding: text, as: UTF8.self).split { !$0.isNumber }.first
        guard let count = first.flatMap({ Int($0) }), count > 0 else { throw Self.noFrames(path) }
        return count
    }

    private func pictures(of path: String, _ count: Int, of available: Int) throws(ImageError) -> [RGBImage] {
        var stream = PixmapStream(maximumPixels: reader.options.maximumPixels, capacity: reader.capacity)
        var squares: [RGBImage] = []
        // Selects frame n where an i with floor(i * available / count) = n exists. A list of all indices is refused by
        // ffmpeg when it has more than a hundred.
        let choice = "gt(ceil((n+1)*\(count)/\(available))\\,ceil(n*\(count)/\(available)))"
        let rotation = reader.options.ignoreExif ? ["-noautorotate"] : []
        let outcome = try run(
            "ffmpeg",
            ["-v", "error", "-nostdin", "-threads", "1", "-protocol_whitelist", "file,pipe"] + rotation + [
                "-i", "file:" + path, "-map", "0:v:0", "-vf", "select=\(choice)", "-fps_mode", "passthrough",
                "-frames:v", "\(count)", "-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1",
            ], path
        ) { bytes in
            for frame in try stream.take(bytes) { squares.append(try reader.square(frame, path: path)) }
        }
        guard outcome.succeeded, stream.isAtEnd else { throw Self.corrupt(path, outcome) }
        return squares
    }

    private func run(
        _ name: String, _ arguments: [String], _ path: String, onOutput: (UnsafeRawBufferPointer) throws -> Void
    ) throws(ImageError) -> ExternalProgram.Outcome {
        guard let program = ExternalProgram(named: name) else {
            throw ImageError(
                .noProgram, at: path,
                "\(name) is needed to read videos and is not there; install ffmpeg, or give the frames as \"images\"")
        }
        do {
            return try program.run(arguments, limit: timeout, onWait: onWait, onOutput: onOutput)
        } catch let error as ImageError {
            throw error.located(at: path)
        } catch is ExternalProgram.TimedOut {
            throw ImageError(
                .timedOut, at: path, "its frames were not read after \(Int(timeout)) s; cut the video into shorter ones"
            )
        } catch {
            throw ImageError(.noProgram, at: path, "\(error)")
        }
    }

    private static func noFrames(_ path: String) -> ImageError {
        ImageError(.noFrames, at: path, "there are no frames in it; give a video, or the frames as \"images\"")
    }

    private static func corrupt(_ path: String, _ outcome: ExternalProgram.Outcome) -> ImageError {
        let reason = outcome.errorText.split(separator: "\n").last.map { ": \($0)" } ?? ""
        return ImageError(.corrupt, at: path, "ffmpeg cannot read it (\(outcome.end))\(reason)")
    }
}
