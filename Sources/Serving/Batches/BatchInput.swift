import Base
import JobSources
import Queue

/// What a service does with pictures that requests name by their addresses, and how many it takes.
struct BatchPictures: Sendable {
    /// Why a picture is not fetched from an address; nil where it may be tried.
    let refusal: @Sendable (String) -> String?
    /// Fetches from several addresses at once, and waits.
    let fetch: @Sendable ([String]) -> [Result<[UInt8], APIError>]
    /// Pictures of a request, and their bytes together.
    let maximumCount: Int
    let maximumBytes: Int
}

/// The requests of a batch's file, as jobs.
final class BatchInput {
    private let jobs: OpenAIJobs

    /// Behind what requests ask for, and behind offline jobs.
    private static let priority = -10

    /// - Parameters:
    ///   - name: What messages call the file.
    ///   - model: Tells what a request names as its model.
    /// - Throws: `unreadable`.
    init(
        path: String, name: String, model: @escaping (String) -> OpenAIJobs.NamedModel
    ) throws(QueueError) {
        var template = JobTemplate()
        template.priority = Self.priority
        // A request without a text is answered, as a single one is.
        template.prompt = try? TextTemplate("")
        // No path of a request is looked at.
        template.verification = .none
        jobs = try OpenAIJobs(path: path, template: template, name: name, model: model)
    }

    /// Returns the next job, whose id is its `custom_id`; nil at the end.
    ///
    /// - Throws: `unreadable`.
    func next() throws(QueueError) -> Job? { try jobs.next() }

    /// The line of the last job, from 1.
    var line: Int { jobs.lineNumber }
}

/// The file of a batch, read for the first time.
struct BatchValidation {
    private(set) var ids: Set<ExactText> = []
    private(set) var faults: [BatchRecord.Fault] = []
    private(set) var adapters: [String] = []

    private static let maximumLines = 50_000
    private static let maximumFaults = 100
    private static let longestID = 512
    private static let maximumAdapters = 100

    /// Reads the whole file, or until there is enough to say.
    ///
    /// - Returns: nil where it was to stop.
    /// - Throws: `unreadable`.
    init?(
        path: String, name: String, _ pictures: BatchPictures, model: @escaping (String) -> OpenAIJobs.NamedModel,
        shouldStop: () -> Bool
    ) throws(QueueError) {
        // What is small when it comes and large when it is read could be read for days.
        let start = FileSystem.firstBytes(4, of: path) ?? []
        if start.starts(with: [0x1F, 0x8B]) || start == [0x28, 0xB5, 0x2F, 0xFD] {
            faults = [.init(code: "invalid_file", message: "the file is compressed; send its lines as they are")]
            return
        }
        let named = NamedAdapters(model)
        let input = try BatchInput(path: path, name: name, model: named.kind(of:))
        while let job = try input.next() {
            if shouldStop() { return nil }
            if let fault = check(job, line: input.line, pictures) { faults.append(fault) }
            guard ids.count < Self.maximumLines else {
                faults = [
                    .init(
                        code: "too_many_requests", line: input.line,
                        message: "a batch may have \(Self.maximumLines) requests; divide it into several")
                ]
                return
            }
            if faults.count >= Self.maximumFaults { return }
            ids.insert(ExactText(job.id))
        }
        adapters = named.names
        if ids.isEmpty, faults.isEmpty {
            faults = [.init(code: "empty_file", message: "the file has no request")]
        }
        if adapters.count > Self.maximumAdapters {
            faults.append(
                .init(code: "too_many_models", message: "the requests name more than \(Self.maximumAdapters) adapters"))
        }
    }

    private func check(_ job: Job, line: Int, _ pictures: BatchPictures) -> BatchRecord.Fault? {
        if let fault = job.fault {
            let place = job.source.map { $0 + ": " } ?? ""
            let message = fault.message.hasPrefix(place) ? String(fault.message.dropFirst(place.count)) : fault.message
            return .init(code: "invalid_line", line: line, message: message)
        }
        if job.id.utf8.count > Self.longestID {
            return .init(
                code: "invalid_line", line: line, message: "\"custom_id\" has more than \(Self.longestID) bytes",
                parameter: "custom_id")
        }
        if ids.contains(ExactText(job.id)) {
            return .init(
                code: "duplicate_custom_id", line: line,
                message: "another line has the custom_id \"\(job.id)\" too; give each its own", parameter: "custom_id")
        }
        return check(job.images, line: line, pictures)
    }

    private func check(_ images: [JobImage], line: Int, _ pictures: BatchPictures) -> BatchRecord.Fault? {
        let place = "body.messages[0].content"
        guard images.count <= pictures.maximumCount else {
            return .init(
                code: "too_many_pictures", line: line,
                message: "there are \(images.count) pictures; at most \(pictures.maximumCount) are answered together",
                parameter: place)
        }
        for image in images where image.bytes == nil {
            // A path is shown as the request has it: the folder that it would be in is nobody's business.
            let isPath = image.path.utf8.first == UInt8(ascii: "/")
            guard let reason = pictures.refusal(isPath ? image.name : image.path) else { continue }
            return .init(code: "url_not_allowed", line: line, message: reason, parameter: place)
        }
        guard images.reduce(0, { $0 + ($1.bytes?.count ?? 0) }) <= pictures.maximumBytes else {
            return .init(
                code: "request_too_large", line: line,
                message: "its pictures have more than \(pictures.maximumBytes >> 20) MiB", parameter: place)
        }
        return nil
    }
}

/// Notes which names of models were those of adapters.
private final class NamedAdapters {
    private(set) var names: [String] = []
    private let model: (String) -> OpenAIJobs.NamedModel

    init(_ model: @escaping (String) -> OpenAIJobs.NamedModel) { self.model = model }

    func kind(of name: String) -> OpenAIJobs.NamedModel {
        if names.contains(where: { $0.isExactly(name) }) { return .adapter }
        let kind = model(name)
        if case .adapter = kind { names.append(name) }
        return kind
    }
}
