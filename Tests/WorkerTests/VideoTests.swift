import Foundation
import Queue
import TestSupport
import Testing

@Suite("Videos are jobs", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct VideoTests {
    private let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
        let clip = try Programs.run(
            "ffmpeg",
            [
                "-v", "error", "-f", "lavfi", "-i", "testsrc=size=80x60:rate=10:duration=2", "-c:v", "mpeg4",
                folder.file("clip.mp4"),
            ])
        try #require(clip.status == 0, "\(clip.errors)")
        let frames = try Programs.run(
            "ffmpeg",
            ["-v", "error", "-i", folder.file("clip.mp4"), "-fps_mode", "passthrough", folder.file("f%02d.png")])
        try #require(frames.status == 0, "\(frames.errors)")
    }

    private func run(ranks: Int, environment: [String: String] = [:]) throws -> [String: JobResult] {
        // ffmpeg counts from 1.
        let names = (0..<8).map { String(format: "\"f%02d.png\"", $0 * 20 / 8 + 1) }.joined(separator: ", ")
        let jobs = """
            {"id": "video", "video": "clip.mp4", "frames": 8, "prompt": "caption en", "max_tokens": 6}
            {"id": "pictures", "images": [\(names)], "prompt": "caption en", "max_tokens": 6}
            {"id": "one", "images": ["f01.png"], "prompt": "caption en", "max_tokens": 6}
            {"id": "still", "video": "f01.png", "frames": 2, "prompt": "ocr", "max_tokens": 6}
            {"id": "none", "video": "words.mp4", "prompt": "ocr"}
            {"id": "long", "video": "clip.mp4", "frames": 1000, "prompt": "ocr"}
            """
        _ = try folder.write("words", to: "words.mp4")
        let file = try folder.write(jobs, to: "jobs.jsonl")
        let queue = "queue-\(ranks)-\(environment.count).db"
        for command in [
            [
                Programs.paligemma, "submit", "--queue", queue, "--jobs", file,
                "--embed",
            ],
            [
                "mpirun", "-n", "\(ranks)", Programs.worker, "--model", Fixtures.path("goldens/grouped"), "--queue",
                queue,
            ]
                + ["--drain", "--quiet"],
        ] {
            let outcome = try Programs.run(
                command[0], Array(command.dropFirst()), environment: environment, directory: folder.path)
            #expect(outcome.status <= 1, "\(command): \(outcome.errors)")
        }
        var results: [String: JobResult] = [:]
        try openQueue(folder.file(queue)).forEachResult(sorted: true) { results[$0.id] = $0 }
        return results
    }

    private func failure(_ result: JobResult?) -> JobFailure? {
        guard case .failed(let failure, _)? = result?.outcome else { return nil }
        return failure
    }

    @Test(
        "A video has the answer of its frames as pictures; an invalid one fails, and its neighbors are answered",
        arguments: [1, 3])
    func video(ranks: Int) throws {
        let results = try run(ranks: ranks)
        guard case .answered(let video)? = results["video"]?.outcome,
            case .answered(let pictures)? = results["pictures"]?.outcome,
            case .answered(let one)? = results["one"]?.outcome
        else {
            Issue.record("not answered: \(results)")
            return
        }
        #expect(video.tokens == pictures.tokens)
        // Other pictures are in the micro-batch, and with them a last bit differs.
        #expect(zip(video.logprobs, pictures.logprobs).allSatisfy { abs($0 - $1) < 1e-4 })
        #expect(video.logprobs != one.logprobs)
        #expect(results["video"]?.images == ["clip.mp4"])
        #expect(failure(results["none"])?.code == "no_frames")
        #expect(failure(results["long"])?.code == "prompt_too_long")
        // A picture is a video of one frame.
        #expect(failure(results["still"]) == nil)
    }

    @Test("Without ffmpeg the failure names what to install")
    func noProgram() throws {
        // Everything but ffmpeg.
        let programs = folder.file("programs")
        try FileManager.default.createDirectory(atPath: programs, withIntermediateDirectories: true)
        for name in try FileManager.default.contentsOfDirectory(atPath: "/usr/bin") where !name.hasPrefix("ff") {
            try FileManager.default.createSymbolicLink(
                atPath: programs + "/" + name, withDestinationPath: "/usr/bin/" + name)
        }
        let results = try run(ranks: 1, environment: ["PATH": programs])
        #expect(failure(results["video"])?.code == "no_program")
        #expect(failure(results["video"])?.message.contains("install ffmpeg") == true)
        #expect(failure(results["one"]) == nil)
    }
}
