import Base
import Foundation
import Pictures
import TestSupport
import Testing

/// Videos are made here, by ffmpeg.
@Suite("A video is read as evenly spaced frames", .timeLimit(.minutes(15)))
struct VideoReaderTests {
    private let folder: TemporaryFolder
    private let reader = VideoReader(reader: PictureReader(side: 28))

    init() throws {
        folder = try TemporaryFolder()
    }

    private func ffmpeg(_ arguments: [String]) throws {
        let outcome = try Programs.run("ffmpeg", ["-v", "error", "-nostdin", "-y"] + arguments)
        try #require(outcome.status == 0, "\(outcome.errors)")
    }

    /// A moving test picture.
    private func clip(frames: Int, _ name: String = "clip.mkv", _ options: [String] = ["-c:v", "ffv1"]) throws -> String
    {
        let source = "testsrc=size=64x48:rate=25:duration=\(Double(frames) / 25)"
        try ffmpeg(["-f", "lavfi", "-i", source] + options + [folder.file(name)])
        return folder.file(name)
    }

    /// All frames as a person would take them out, and what the model sees of them.
    private func allFrames(of clip: String) throws -> [RGBImage] {
        try ffmpeg(["-i", clip, "-fps_mode", "passthrough", folder.file("frame-%03d.png")])
        let names = try FileManager.default.contentsOfDirectory(atPath: folder.path).filter { $0.hasPrefix("frame-") }
        return try names.sorted().map { try PictureReader(side: 28).read(path: folder.file($0)).image }
    }

    @Test("The frames are those that ffmpeg writes as pictures, evenly spaced from the first on")
    func evenly() throws {
        let clip = try clip(frames: 40, "clip.mp4", ["-c:v", "mpeg4", "-bf", "2"])
        let all = try allFrames(of: clip)
        #expect(all.count == 40)
        #expect(Set(all.map { SHA256.hexadecimal(of: $0.pixels) }).count > 30)
        #expect(try reader.read(path: clip, frames: 16) == (0..<16).map { all[$0 * 40 / 16] })
        #expect(try reader.read(path: clip, frames: 1) == [all[0]])
        #expect(try reader.read(path: clip, frames: 40) == all)
    }

    @Test("More than a hundred frames can be read from one video")
    func many() throws {
        let clip = try clip(frames: 150)
        let all = try allFrames(of: clip)
        #expect(try reader.read(path: clip, frames: 120) == (0..<120).map { all[$0 * 150 / 120] })
        #expect(try reader.read(path: clip, frames: 149) == (0..<149).map { all[$0 * 150 / 149] })
    }

    @Test("A video with fewer frames than asked for is repeated from its start")
    func short() throws {
        let clip = try clip(frames: 3)
        let all = try allFrames(of: clip)
        #expect(try reader.read(path: clip, frames: 7) == [0, 1, 2, 0, 1, 2, 0].map { all[$0] })
    }

    @Test("In a video with a variable frame rate every frame counts as one")
    func variableRate() throws {
        let clip = try clip(
            frames: 20, "clip.mkv", ["-vf", "select=lt(n\\,5)+gt(n\\,14)", "-fps_mode", "vfr", "-c:v", "ffv1"])
        let all = try allFrames(of: clip)
        #expect(all.count == 10)
        #expect(try reader.read(path: clip, frames: 5) == [0, 2, 4, 6, 8].map { all[$0] })
    }

    @Test("Frames that an edit list leaves out are not counted")
    func editList() throws {
        let whole = try clip(frames: 100, "whole.mp4", ["-c:v", "mpeg4", "-g", "50", "-bf", "2"])
        try ffmpeg(["-ss", "1.32", "-i", whole, "-c", "copy", folder.file("cut.mp4")])
        let all = try allFrames(of: folder.file("cut.mp4"))
        #expect(all.count < 90)
        #expect(try reader.read(path: folder.file("cut.mp4"), frames: 16) == (0..<16).map { all[$0 * all.count / 16] })
    }

    @Test("Frames that are only there for others to be predicted from are not counted")
    func alternateReferences() throws {
        let clip = try clip(
            frames: 60, "clip.webm", ["-c:v", "libvpx", "-b:v", "100k", "-auto-alt-ref", "1", "-lag-in-frames", "16"])
        let all = try allFrames(of: clip)
        #expect(all.count == 60)
        #expect(try reader.read(path: clip, frames: 16) == (0..<16).map { all[$0 * 60 / 16] })
    }

    @Test(
        "Usual containers are read",
        arguments: ["mov", "mkv", "avi", "ts", "mpg", "webm", "flv", "wmv", "ogv", "y4m", "gif", "m2v"])
    func containers(text: String) throws {
        let clip = try clip(frames: 10, "clip.\(text)", text == "gif" ? [] : ["-pix_fmt", "yuv420p"])
        #expect(try reader.read(path: clip, frames: 4).count == 4)
    }

    @Test("A video in memory gives the same frames as its file, and leaves no file behind")
    func embedded() throws {
        let clip = try clip(frames: 20, "clip.mp4", ["-c:v", "mpeg4"])
        let bytes = [UInt8](try #require(FileManager.default.contents(atPath: clip)))
        #expect(try reader.read(bytes: bytes, path: "embedded", frames: 5) == reader.read(path: clip, frames: 5))
        let error = #expect(throws: ImageError.self) {
            try reader.read(bytes: Array("words".utf8), path: "embedded", frames: 5)
        }
        #expect(error?.code == .noFrames)
        #expect(error?.path == "embedded")
        let left = try FileManager.default.contentsOfDirectory(atPath: NSTemporaryDirectory())
        #expect(!left.contains { $0.hasPrefix("paligemma-video") })
    }

    @Test("A list of other files is no video, in any format, under any name, and embedded")
    func lists() throws {
        let other = try clip(frames: 10, "other.mp4", ["-c:v", "mpeg4"])
        let lists = [
            "#EXTM3U\n#EXTINF:1,\n\(other)\n#EXT-X-ENDLIST\n", "#EXTM3U\n#EXTINF:1,\nother.mp4\n",
            "#EXTM3U\n#EXTINF:1,\nfile://\(other)\n", "ffconcat version 1.0\nfile other.mp4\n",
            "<?xml version=\"1.0\"?><MPD type=\"static\"><Period><AdaptationSet><Representation><BaseURL>\(other)</BaseURL>"
                + "</Representation></AdaptationSet></Period></MPD>",
            "RIFF\u{0}\u{0}\u{0}\u{0}sfbk", "1\n00:00:00,000 --> 00:00:01,000\nsubtitles\n",
        ]
        for text in lists {
            #expect(code(try folder.write(text, to: "list.mp4")) == .noFrames, "\(text)")
            #expect(throws: ImageError.self) { try reader.read(bytes: Array(text.utf8), path: "list", frames: 4) }
        }
        let pipe = folder.file("pipe.mp4")
        #expect(mkfifo(pipe, 0o600) == 0)
        #expect(code(pipe) == .unreadable)
    }

    @Test(
        "The indices of the frames are floor(i · available / count), repeated where there are too few",
        arguments: [
            (16, 16, Array(0..<16)), (4, 10, [0, 2, 5, 7]), (3, 2, [0, 1, 0]), (1, 100, [0]), (5, 5, [0, 1, 2, 3, 4]),
        ])
    func indices(count: Int, available: Int, expected: [Int]) throws {
        let clip = try clip(frames: available)
        let all = try allFrames(of: clip)
        #expect(all.count == available)
        #expect(try reader.read(path: clip, frames: count) == expected.map { all[$0] })
    }

    private func code(_ path: String, _ reader: VideoReader? = nil) -> ImageError.Code? {
        do {
            _ = try (reader ?? self.reader).read(path: path, frames: 4)
            return nil
        } catch {
            #expect(error.description.contains(path))
            return error.code
        }
    }

    @Test("A file that is no video is refused with its code")
    func bad() throws {
        #expect(code(folder.file("missing.mp4")) == .missing)
        #expect(code(folder.path) == .isDirectory)
        #expect(code(try folder.write("", to: "empty.mp4")) == .empty)
        #expect(code(try folder.write("these are only words\n", to: "words.mp4")) == .noFrames)
        try ffmpeg(["-f", "lavfi", "-i", "sine=duration=1", folder.file("sound.wav")])
        #expect(code(folder.file("sound.wav")) == .noFrames)
        // A list that points at other files is not followed.
        let list = "#EXTM3U\n#EXTINF:1,\n\(try clip(frames: 3))\n#EXT-X-ENDLIST\n"
        #expect(code(try folder.write(list, to: "list.m3u8")) == .noFrames)
        // A name that begins like an option or a protocol is a name.
        let clip = try clip(frames: 5, "-i http:x.mkv")
        #expect(code(clip) == nil)
    }

    @Test("A video that is truncated, too large, changed or too slow to read is refused with its code")
    func limits() throws {
        let path = try clip(frames: 40, "clip.mp4", ["-c:v", "mpeg4"])
        let whole = try #require(FileManager.default.contents(atPath: path))
        try whole.prefix(whole.count / 2).write(to: URL(fileURLWithPath: folder.file("cut.mp4")))
        #expect(code(folder.file("cut.mp4")) == .corrupt)
        // What ffmpeg says names the video, and not the descriptor that it reads.
        let error = #expect(throws: ImageError.self) { try reader.read(path: folder.file("cut.mp4"), frames: 2) }
        #expect(error?.reason.contains(folder.file("cut.mp4")) == true, "\(String(describing: error))")
        #expect(error?.description.contains("/proc/self") == false)

        var options = ImageDecoder.Options()
        options.maximumPixels = 64 * 48 - 1
        #expect(code(path, VideoReader(reader: PictureReader(side: 28, options: options))) == .tooLarge)
        #expect(code(path, VideoReader(reader: PictureReader(side: 28), timeout: 0)) == .timedOut)
        let stamp = try FileStamp(path: path)
        #expect(throws: Never.self) { try reader.read(path: path, frames: 2, expecting: FileExpectation(stamp)) }
        var other = stamp
        other.size += 1
        #expect { try reader.read(path: path, frames: 2, expecting: FileExpectation(other)) } throws: { error in
            (error as? ImageError)?.code == .changed
        }
    }
}
