import Base
import Foundation

/// Reads evenly spaced frames of a video with the program ffmpeg: of a video that shows N frames, frame `i` of `n` is the one
/// with the index floor(i · N / n), as the model was trained. A video with fewer than `n` frames is repeated from its start.
///
/// Frames are counted by decoding them. A container lists more than it shows: frames that an edit list leaves out, and
/// those that only others are predicted from.
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
    /// Maximum number of pixels of a frame. A decoder holds up to 17 frames.
    private static let maximumFramePixels = 8192 * 8192
    /// Maximum number of frames of a video: a day at 120 a second.
    private static let maximumLength = 24 * 3600 * 120
    /// What ffmpeg may map: its libraries, and frames.
    private static let memoryBytes = 6 << 30

    /// What ffmpeg calls its standard input.
    private static let input = "file:/proc/self/fd/0"

    package init(reader: PictureReader, timeout: Double = 600, onWait: @escaping @Sendable () -> Void = {}) {
        self.reader = reader
        self.timeout = timeout
        self.onWait = onWait
    }

    /// Returns `count` frames of the video at `path`, each [side, side, 3] bytes.
    ///
    /// - Parameters:
    ///   - count: number of frames, at least 1.
    ///   - expected: what was known of the file when it was submitted; anything else is an error. The hash of a video is not verified.
    /// - Throws: ``ImageError`` with the codes `missing`, `unreadable`, `is_directory`, `empty`, `changed`, `no_program`,
    ///   `no_frames`, `corrupt`, `too_large`, `no_memory`, `timed_out`.
    package func read(path: String, frames count: Int, expecting expected: FileExpectation = FileExpectation())
        throws(ImageError)
        -> [RGBImage]
    {
        if let start = FileSystem.firstBytes(MediaFormat.prefixBytes, of: path, in: reader.root), Self.isStill(start) {
            return Array(repeating: try reader.read(path: path, expecting: expected).image, count: count)
        }
        let file = try VideoFile(path: path, in: reader.root)
        if let stamp = file.stamp { try expected.verify(stamp, path: path) }
        return try read(file, frames: count)
    }

    /// Returns `count` frames of a video whose file is in memory, as ``read(path:frames:expecting:)`` does.
    ///
    /// - Parameter path: names the video in an error.
    /// - Throws: ``ImageError`` with the codes `unreadable`, `empty`, `no_program`, `no_frames`, `corrupt`, `too_large`,
    ///   `no_memory`, `timed_out`.
    package func read(bytes: [UInt8], path: String, frames count: Int) throws(ImageError) -> [RGBImage] {
        if Self.isStill(bytes) {
            let stamp = FileStamp(size: Int64(bytes.count), modificationTime: 0)
            return Array(repeating: try reader.read(bytes: bytes, path: path, stamp: stamp).image, count: count)
        }
        return try read(try VideoFile(bytes: bytes, path: path), frames: count)
    }

    /// Returns whether a file is a picture that does not move: a video of one frame.
    ///
    /// - Parameter bytes: its first ``MediaFormat/prefixBytes``, or more.
    private static func isStill(_ bytes: [UInt8]) -> Bool {
        guard case .image(let format) = MediaFormat(of: bytes) else { return false }
        switch format {
        case .gif: return false
        // The chunk that makes a PNG an animation stands before its pixels.
        case .png: return bytes.prefix(MediaFormat.prefixBytes).firstRange(of: Array("acTL".utf8)) == nil
        default: return true
        }
    }

    private func read(_ file: VideoFile, frames count: Int) throws(ImageError) -> [RGBImage] {
        precondition(count > 0)
        let deadline = DispatchTime.now().uptimeNanoseconds
        func seconds() -> Double { timeout - Double(DispatchTime.now().uptimeNanoseconds - deadline) / 1e9 }
        let available = try frameCount(of: file, limit: seconds())
        let frames = try pictures(of: file, min(count, available), of: available, limit: seconds())
        guard !frames.isEmpty else { throw Self.noFrames(file.path) }
        return (0..<count).map { frames[$0 % frames.count] }
    }

    /// Decodes all frames to one pixel, and counts those.
    private func frameCount(of file: VideoFile, limit: Double) throws(ImageError) -> Int {
        var count = 0
        let outcome = try run(
            file, ["-vf", "scale=1:1:flags=neighbor", "-f", "rawvideo", "-pix_fmt", "gray"], limit: limit
        ) { bytes in
            count += bytes.count
            guard count <= Self.maximumLength else {
                throw ImageError(.tooLarge, "it has more than \(Self.maximumLength) frames; cut it into shorter ones")
            }
        }
        guard outcome.succeeded else { throw Self.failure(file.path, outcome) }
        guard count > 0 else { throw Self.noFrames(file.path) }
        return count
    }

    private func pictures(
        of file: VideoFile, _ count: Int, of available: Int, limit: Double
    ) throws(ImageError) -> [RGBImage] {
        var stream = PixmapStream(maximumPixels: reader.options.maximumPixels, budget: reader.budget)
        var squares: [RGBImage] = []
        // Selects frame n where an i with floor(i * available / count) = n exists. A list of all indices is refused by
        // ffmpeg when it has more than a hundred.
        let choice = "gt(ceil((n+1)*\(count)/\(available))\\,ceil(n*\(count)/\(available)))"
        let outcome = try run(
            file,
            [
                "-vf", "select=\(choice)", "-frames:v", "\(count)", "-f", "image2pipe", "-c:v", "ppm", "-pix_fmt",
                "rgb24",
            ], limit: limit
        ) { bytes in
            for frame in try stream.take(bytes) { squares.append(try reader.square(frame, path: file.path)) }
        }
        guard outcome.succeeded, stream.isAtEnd else { throw Self.failure(file.path, outcome) }
        return squares
    }

    /// Runs ffmpeg on the first video stream of the file. The container is named, so that the file cannot be taken for a
    /// list of others, and no protocol but that of files is allowed.
    private func run(
        _ file: VideoFile, _ output: [String], limit: Double,
        onOutput: (UnsafeRawBufferPointer) throws -> Void
    ) throws(ImageError) -> ExternalProgram.Outcome {
        guard let program = ExternalProgram(named: "ffmpeg") else {
            throw ImageError(
                .noProgram, at: file.path,
                "ffmpeg reads videos and is not there; install ffmpeg, or give the frames as \"images\"")
        }
        let pixels = min(reader.options.maximumPixels, Self.maximumFramePixels)
        let input =
            [
                "-v", "error", "-nostdin", "-hide_banner", "-threads", "1", "-filter_threads", "1",
                "-protocol_whitelist", "file,pipe", "-max_streams", "256", "-max_pixels", "\(pixels)",
                "-f", file.format.demuxer,
            ] + (reader.options.ignoreExif ? ["-noautorotate"] : [])
        let arguments =
            input + ["-i", Self.input, "-map", "0:v:0", "-an", "-sn", "-dn", "-fps_mode", "passthrough"]
            + output + ["pipe:1"]
        do {
            return try program.run(
                arguments, in: surroundings(of: file), limit: limit, onWait: onWait, onOutput: onOutput)
        } catch let error as ImageError {
            throw error.located(at: file.path)
        } catch is ExternalProgram.TimedOut {
            throw ImageError(
                .timedOut, at: file.path,
                "its frames were not read after \(Int(timeout)) s; cut the video into shorter ones")
        } catch {
            throw ImageError(.noProgram, at: file.path, "\(error)")
        }
    }

    /// ffmpeg gets the video as its standard input, what it needs to start, and nothing of what this process knows.
    private func surroundings(of file: VideoFile) -> ExternalProgram.Surroundings {
        let variables = ProcessEnvironment.variables
        var surroundings = ExternalProgram.Surroundings()
        surroundings.environment = variables.filter { ["PATH", "LD_LIBRARY_PATH"].contains($0.key) }
        surroundings.input = file.descriptor
        surroundings.memoryBytes = Self.memoryBytes
        surroundings.diesWithCaller = true
        return surroundings
    }

    private static func noFrames(_ path: String) -> ImageError {
        ImageError(.noFrames, at: path, "there are no frames in it; give a video, or the frames as \"images\"")
    }

    /// The error for a run that failed. ffmpeg says it where a frame has too many pixels, and where there is no video.
    private static func failure(_ path: String, _ outcome: ExternalProgram.Outcome) -> ImageError {
        let text = outcome.errorText.replacing(input, with: path)
        let reason = text.split(separator: "\n").last.map { ": \($0)" } ?? ""
        if outcome.errorText.contains("matches no streams") { return noFrames(path) }
        if outcome.errorText.contains("max_pixels") || outcome.errorText.contains("Picture size") {
            return ImageError(.tooLarge, at: path, "its frames have too many pixels; shrink it first\(reason)")
        }
        return ImageError(.corrupt, at: path, "ffmpeg cannot read it (\(outcome.end))\(reason)")
    }
}
