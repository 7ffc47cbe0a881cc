import Base
import Foundation

/// Takes frames out of a video, evenly, by the program ffmpeg: frame `i` of `n` is that at `i / n` of the video's frames,
/// the first one included, as the model was trained. Of a video with fewer frames all are taken, again and again.
package struct VideoReader: Sendable {
    /// Makes the frames what the model sees.
    private let reader: PictureReader
    /// Seconds that one video may take.
    private let limit: Double
    /// Called now and then while ffmpeg works.
    private let onWait: @Sendable () -> Void

    /// As many as the model was trained with.
    package static let standardFrames = 16
    /// Frames that a job may ask for; a context has room for fewer.
    package static let maximumFrames = 1024

    package init(reader: PictureReader, limit: Double = 600, onWait: @escaping @Sendable () -> Void = {}) {
        self.reader = reader
        self.limit = limit
        self.onWait = onWait
    }

    /// The frames of the video at `path`, each of side·side·3 bytes.
    ///
    /// - Parameters:
    ///   - count: frames, at least 1.
    ///   - expected: what the file was when it was submitted; another one is an error.
    /// - Throws: ``ImageError`` with the codes `missing`, `unreadable`, `changed`, `no_program`, `no_frames`, `corrupt`,
    ///   `too_large`, `timed_out`.
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
        // There may be fewer than the file says.
        let frames = try pictures(of: path, min(count, available), of: available)
        guard !frames.isEmpty else { throw Self.noFrames(path) }
        return (0..<count).map { frames[$0 % frames.count] }
    }

    /// Which of a video's frames are taken; with fewer than `count` each of them once.
    package static func indices(of count: Int, in available: Int) -> [Int] {
        available < count ? Array(0..<available) : (0..<count).map { $0 * available / count }
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
        guard outcome.status == 0 else { throw Self.corrupt(path, outcome) }
        // A stream may be listed twice, below a program of a transport stream too.
        let first = String(decoding: text, as: UTF8.self).split { !$0.isNumber }.first
        guard let count = first.flatMap({ Int($0) }), count > 0 else { throw Self.noFrames(path) }
        return count
    }

    private func pictures(of path: String, _ count: Int, of available: Int) throws(ImageError) -> [RGBImage] {
        var stream = PixmapStream(maximumPixels: reader.options.maximumPixels)
        var squares: [RGBImage] = []
        // Frame n, where some i has floor(i * available / count) = n. Named one by one, more than a hundred are too many.
        let choice = "gt(ceil((n+1)*\(count)/\(available))\\,ceil(n*\(count)/\(available)))"
        let turning = reader.options.ignoreExif ? ["-noautorotate"] : []
        let outcome = try run(
            "ffmpeg",
            ["-v", "error", "-nostdin", "-threads", "1", "-protocol_whitelist", "file,pipe"] + turning + [
                "-i", "file:" + path, "-map", "0:v:0", "-vf", "select=\(choice)", "-fps_mode", "passthrough",
                "-frames:v", "\(count)", "-f", "image2pipe", "-c:v", "ppm", "-pix_fmt", "rgb24", "pipe:1",
            ], path
        ) { bytes in
            for frame in try stream.take(bytes) { squares.append(reader.resize.square(frame, side: reader.side)) }
        }
        guard outcome.status == 0, stream.isAtEnd else { throw Self.corrupt(path, outcome) }
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
            return try program.run(arguments, limit: limit, onWait: onWait, onOutput: onOutput)
        } catch let error as ImageError {
            throw error.located(at: path)
        } catch is ExternalProgram.TimedOut {
            throw ImageError(
                .timedOut, at: path, "its frames were not read after \(Int(limit)) s; cut the video into shorter ones")
        } catch {
            throw ImageError(.noProgram, at: path, "\(error)")
        }
    }

    private static func noFrames(_ path: String) -> ImageError {
        ImageError(.noFrames, at: path, "there are no frames in it; give a video, or the frames as \"images\"")
    }

    private static func corrupt(_ path: String, _ outcome: ExternalProgram.Outcome) -> ImageError {
        let said = outcome.talk.split(separator: "\n").last.map { ": \($0)" } ?? ""
        return ImageError(.corrupt, at: path, "ffmpeg cannot read it (exit \(outcome.status))\(said)")
    }
}

/// Pictures in the format PPM, one behind the other, out of a stream that comes in pieces.
struct PixmapStream {
    private let maximumPixels: Int
    private var bytes: [UInt8] = []

    init(maximumPixels: Int) {
        self.maximumPixels = maximumPixels
    }

    /// Whether nothing of another picture has come.
    var isAtEnd: Bool { bytes.isEmpty }

    /// - Returns: the pictures that are whole now.
    /// - Throws: ``ImageError`` with the codes `corrupt`, `too_large`.
    mutating func take(_ piece: UnsafeRawBufferPointer) throws(ImageError) -> [RGBImage] {
        bytes += piece
        var pictures: [RGBImage] = []
        var start = 0
        while let header = try header(at: start) {
            let end = header.end + header.width * header.height * 3
            guard bytes.count >= end else { break }
            pictures.append(
                RGBImage(width: header.width, height: header.height, pixels: Array(bytes[header.end..<end])))
            start = end
        }
        if start > 0 { bytes.removeFirst(start) }
        return pictures
    }

    /// "P6", width, height and 255, with one white space behind each; nil while it is not all there.
    private func header(at start: Int) throws(ImageError) -> (width: Int, height: Int, end: Int)? {
        var (fields, field, index): ([String], String, Int) = ([], "", start)
        while fields.count < 4 {
            guard index < bytes.count else { return nil }
            guard index - start < 64 else { throw Self.corrupt }
            let byte = bytes[index]
            index += 1
            if byte == 0x20 || byte == 0x0A {
                fields.append(field)
                field = ""
            } else {
                field.unicodeScalars.append(Unicode.Scalar(byte))
            }
        }
        guard fields[0] == "P6", fields[3] == "255", let width = Int(fields[1]), let height = Int(fields[2]),
            width > 0, height > 0
        else { throw Self.corrupt }
        guard width <= maximumPixels / height else {
            throw ImageError(
                .tooLarge, "its frames have \(width) x \(height) pixels; at most \(maximumPixels) are read")
        }
        return (width, height, index)
    }

    private static let corrupt = ImageError(.corrupt, "ffmpeg wrote something else than frames")
}
