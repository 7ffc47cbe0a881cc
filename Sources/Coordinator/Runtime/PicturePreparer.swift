import Foundation
import PaliGemma

/// What the vision stage and Gemma need of a job.
struct PreparedJob: Sendable {
    /// Each picture's side·side·3 bytes, until they are on their way.
    var pictures: [[UInt8]]
    /// Token ids behind the picture tokens.
    let textTokens: [Int32]
    let options: DecodingOptions
    let decoding: PaliGemma.Decoding
}

/// Reads, resizes and tokenises jobs on threads of its own, ahead of the vision stage.
final class PicturePreparer: Sendable {
    let marks: [ActivityMark]
    private let work = Mailbox<(Schedule.JobID, Job)>()
    private let reader: PictureReader
    private let tokenizer: Tokenizer
    private let configuration: ModelConfiguration
    private let timeline: Timeline?
    private let report: @Sendable (Inbox.Message) -> Void

    init(
        threads: Int, tokenizer: Tokenizer, configuration: ModelConfiguration, reader: PictureReader,
        timeline: Timeline?, report: @escaping @Sendable (Inbox.Message) -> Void
    ) {
        self.reader = reader
        self.tokenizer = tokenizer
        self.configuration = configuration
        self.timeline = timeline
        self.report = report
        marks = (0..<threads).map { _ in ActivityMark() }
        for index in 0..<threads {
            let thread = Thread { [self] in run(name: "prepare-\(index)", marks[index]) }
            thread.name = "prepare-\(index)"
            thread.stackSize = 4 << 20
            thread.start()
        }
    }

    func prepare(_ id: Schedule.JobID, _ job: Job) { work.put((id, job)) }

    func stop() { work.close() }

    private func run(name: String, _ mark: ActivityMark) {
        while case .item(let (id, job)) = work.takeFirst() {
            mark.begin()
            Fault.before(.prepare, job.id)
            let message = timeline.span("prepare", thread: name, detail: "\(job.pictureCount) pictures") {
                prepared(id, job, mark)
            }
            Fault.after(.prepare, job.id)
            mark.end()
            report(message)
        }
    }

    private func prepared(_ id: Schedule.JobID, _ job: Job, _ mark: ActivityMark) -> Inbox.Message {
        do {
            // The prompt first: it costs nothing, and its faults need no picture.
            let options = try DecodingOptions(text: job.options)
            let decoding = options.decoding(id: job.id, tokens: tokenizer.encode)
            let longest = decoding.longestAnswer(maxTokens: job.maxTokens)
            let ids = try Prompt.tokens(
                for: job.prompt, pictures: job.pictureCount, maximumNewTokens: longest, tokenizer: tokenizer,
                configuration: configuration)
            let text = Array(ids.dropFirst(job.pictureCount * configuration.vision.tokens))
            let pictures = try job.images.flatMap { try read($0, mark) }
            return .prepared(
                id, PreparedJob(pictures: pictures, textTokens: text, options: options, decoding: decoding))
        } catch let error as ImageError {
            // Memory comes back; everything else is the file's own fault.
            let failure = JobFailure(code: error.code.rawValue, message: error.description)
            return .unprepared(id, failure, permanent: error.code != .noMemory)
        } catch let error as PromptError {
            return .unprepared(id, JobFailure(code: error.code.rawValue, message: error.description), permanent: true)
        } catch let error as DecodingOptions.Fault {
            return .unprepared(id, JobFailure(code: JobFailure.invalidJob, message: error.reason), permanent: true)
        } catch {
            return .unprepared(id, JobFailure(code: "internal", message: "\(error)"), permanent: false)
        }
    }

    /// The pixels of a picture or of a video's frames, from the queue where they travelled in it, else from the file.
    private func read(_ image: JobImage, _ mark: ActivityMark) throws(ImageError) -> [[UInt8]] {
        if let frames = image.frames {
            let video = VideoReader(reader: reader) { mark.goesOn() }
            return try image.withFile { path, stamp throws(ImageError) in
                try video.read(path: path, frames: frames, expecting: stamp).map(\.pixels)
            }
        }
        guard let bytes = image.bytes else {
            return [try reader.read(path: image.path, expecting: image.stamp).image.pixels]
        }
        let stamp = image.stamp ?? FileStamp(size: Int64(bytes.count), modificationTime: 0)
        return [try reader.read(bytes: bytes, path: image.path, stamp: stamp).image.pixels]
    }
}

extension JobImage {
    /// Calls `body` with a path where the file lies and what it was; one that travelled in the queue lies there only
    /// during the call.
    fileprivate func withFile<Value>(_ body: (String, FileStamp?) throws(ImageError) -> Value) throws(ImageError)
        -> Value
    {
        guard let bytes else { return try body(path, stamp) }
        let copy = NSTemporaryDirectory() + "paligemma-video-\(UUID().uuidString)"
        defer { unlink(copy) }
        guard (try? Data(bytes).write(to: URL(fileURLWithPath: copy))) != nil else {
            throw ImageError(.unreadable, at: path, "it travelled in the queue and cannot be written to \(copy)")
        }
        do {
            return try body(copy, nil)
        } catch {
            throw ImageError(error.code, at: path, error.reason)
        }
    }

    /// What the file was when it was submitted, where there was one.
    fileprivate var stamp: FileStamp? {
        guard let size, let modified else { return nil }
        return FileStamp(size: size, modificationTime: modified)
    }
}
