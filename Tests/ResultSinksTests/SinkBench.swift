import Base
import Foundation
import Queue
import ResultSinks
import Testing

/// A queue whose jobs are answered as a test says, in a folder that is gone when the test is over.
final class SinkBench {
    let folder: String
    let queue: SQLiteQueue

    init() throws {
        folder = NSTemporaryDirectory() + "paligemma-sinks-\(UUID().uuidString)"
        try FileSystem.makeFolder(folder)
        queue = try SQLiteQueue(path: folder + "/jobs.db", create: true)
        try queue.adopt(fingerprint: "test", modelName: "miniature")
    }

    deinit { FileSystem.removeTree(folder) }

    func path(_ name: String) -> String { folder + "/" + name }

    func write(_ text: String, to name: String) throws {
        try FileSystem.makeFolder(path(name).parentPath)
        try NewFile.write(Array(text.utf8), to: path(name))
    }

    func read(_ name: String) -> String? {
        FileSystem.contents(of: path(name)).map { String(decoding: $0, as: UTF8.self) }
    }

    /// Submits a job.
    func submit(_ id: String, _ images: [JobImage], prompt: String = "caption en", carried: String? = nil) throws {
        _ = try queue.submit(
            [Job(id: id, images: images, prompt: prompt, carried: carried)], otherContents: .refuse)
    }

    /// Answers the next jobs in the order of submission; nil makes a job fail.
    func answer(_ texts: [String?], details: String? = nil) throws {
        let leases = try queue.lease(limit: texts.count, for: .seconds(600), owner: "test")
        try #require(leases.count == texts.count)
        for (lease, text) in zip(leases, texts) {
            if let text {
                let answer = Answer(
                    text: text, tokens: [7, 257_151], logprobs: [-0.5, -12.5], finishReason: .stop, seconds: 1.5,
                    details: details)
                try queue.finish(lease.handle, with: answer)
            } else {
                try queue.fail(
                    lease.handle, with: JobFailure(code: "missing", message: "no \"file\",\nthere"), permanent: true,
                    seconds: 0.25)
            }
        }
    }

    /// A picture in this folder.
    func picture(_ name: String) -> JobImage { JobImage(name: name, path: path(name)) }

    /// Writes everything in a format.
    @discardableResult
    func finish(_ format: ResultFormat, to name: String, _ change: (inout SinkOptions) -> Void = { _ in }) throws
        -> SinkReport
    {
        try sink(format, to: name, change).finish(from: queue)
    }

    func sink(
        _ format: ResultFormat, to name: String, _ change: (inout SinkOptions) -> Void = { _ in }
    ) throws -> any ResultSink {
        var options = try SinkOptions(
            format: format, output: format.isManyFiles ? nil : path(name), folder: format.isManyFiles ? path(name) : nil
        )
        change(&options)
        return try makeSink(options)
    }

    /// A sink of texts beside the pictures.
    func sidecars(_ existing: SidecarRules.Existing, _ change: (inout SinkOptions) throws -> Void = { _ in }) throws
        -> any ResultSink
    {
        var options = try SinkOptions(format: .txt, output: nil, folder: nil)
        options.sidecar.existing = existing
        options.sidecarLog = path("log")
        try change(&options)
        return try makeSink(options)
    }
}
