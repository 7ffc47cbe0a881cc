import Base
import DecodingSettings
import Foundation
import JobPictures
import PaliGemma
import Pictures
import Queue

/// Reads, resizes and tokenizes jobs on threads of its own, ahead of the vision stage.
final class PicturePreparer: Sendable {
    let counters: [ActivityCounter]
    private let work = Mailbox<(Schedule.JobID, PictureStore.Fetched)>()
    private let store: PictureStore
    private let reader: JobPictureReader
    private let tokenizer: Tokenizer
    private let configuration: ModelConfiguration
    private let adapters: AdapterSet
    private let timeline: Timeline?
    private let report: @Sendable (HelperReport) -> Void

    init(
        threads: Int, tokenizer: Tokenizer, configuration: ModelConfiguration, adapters: AdapterSet,
        reader: PictureReader, store: PictureStore, timeline: Timeline?,
        report: @escaping @Sendable (HelperReport) -> Void
    ) {
        self.store = store
        self.reader = JobPictureReader(reader: reader, store: store)
        self.tokenizer = tokenizer
        self.configuration = configuration
        self.adapters = adapters
        self.timeline = timeline
        self.report = report
        counters = (0..<threads).map { _ in ActivityCounter() }
        for index in 0..<threads {
            let name = "prepare-\(index)"
            Thread.start(name, stackBytes: 4 << 20) { [self] in run(name: name, counters[index]) }
        }
    }

    /// Prepares a job when its pictures that lie on servers are fetched, which no thread waits for.
    func prepare(_ id: Schedule.JobID, _ job: Job) {
        store.fetch(job) { [work, report] fetched in
            switch fetched {
            case .success(let fetched): work.put((id, fetched))
            case .failure(let failure): report(.unprepared(id, failure.failure, permanent: failure.isPermanent))
            }
        }
    }

    func stop() {
        store.stop()
        work.close()
    }

    private func run(name: String, _ counter: ActivityCounter) {
        while case .item(let (id, fetched)) = work.takeFirst() {
            let job = fetched.job
            counter.begin()
            FaultSwitch.before(.prepare, job.id)
            let message = timeline.span("prepare", thread: name, detail: job.pictureCount.counted("picture")) {
                prepared(id, job, counter)
            }
            withExtendedLifetime(fetched) {}
            FaultSwitch.after(.prepare, job.id)
            counter.end()
            report(message)
        }
    }

    private func prepared(_ id: Schedule.JobID, _ job: Job, _ counter: ActivityCounter) -> HelperReport {
        do {
            // The prompt first: it costs nothing, and its errors need no picture.
            let options = try DecodingOptions(text: job.options).completed(by: configuration.generation)
            if let token = options.rules.token(outside: configuration.text.vocabulary) {
                throw JobFailure(
                    code: JobFailure.invalidJob,
                    message: "its options hold the token \(token); the model has \(configuration.text.vocabulary)")
            }
            let adapter = try adapter(options)
            let decoding = try options.decoding(id: job.id, tokens: tokenizer.encode)
            let longest = decoding.longestAnswer(maxTokens: job.maxTokens)
            let ids = try Prompt.tokens(
                for: job.prompt, pictures: job.pictureCount, maximumNewTokens: longest, tokenizer: tokenizer,
                configuration: configuration)
            let text = Array(ids.dropFirst(job.pictureCount * configuration.vision.tokens))
            let pictures = try job.images.flatMap { try reader.read($0, counter) }
            return .prepared(
                id,
                PreparedJob(
                    pictures: pictures.map(\.pixels), pictureSize: pictures.count == 1 ? pictures[0].size : nil,
                    isDamaged: pictures.contains(where: \.isDamaged), textTokens: text, options: options,
                    decoding: decoding, adapter: adapter))
        } catch let error as PictureFailure {
            return .unprepared(id, error.failure, permanent: error.isPermanent)
        } catch let error as ImageError {
            // Memory may be free again later; every other error is permanent.
            let failure = JobFailure(code: error.code.rawValue, message: error.description)
            return .unprepared(id, failure, permanent: error.code != .noMemory)
        } catch let error as PromptError {
            return .unprepared(id, JobFailure(code: error.code.rawValue, message: error.description), permanent: true)
        } catch let failure as JobFailure {
            return .unprepared(id, failure, permanent: true)
        } catch let error as DecodingOptionError {
            return .unprepared(id, JobFailure(code: JobFailure.invalidJob, message: error.reason), permanent: true)
        } catch {
            return .unprepared(id, JobFailure(code: "internal", message: "\(error)"), permanent: false)
        }
    }

    private func adapter(_ options: DecodingOptions) throws(JobFailure) -> Int? {
        guard let name = options.adapter else { return nil }
        if let index = adapters.index(of: name) { return index }
        let known = adapters.names.isEmpty ? "none" : adapters.names.joined(separator: ", ")
        throw JobFailure(
            code: "unknown_adapter",
            message:
                "\"adapter\" is \"\(name)\"; this world has \(known); name one of its own, or submit the job to a queue whose "
                + "workers have --adapter \(name)=DIR")
    }
}
