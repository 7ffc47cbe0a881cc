import Base
import Fetch
import Queue

/// Jobs from a file for OpenAI's batch interface, one a line:
///
///     {"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {"messages": […]}}
///
/// The id of a job is its `custom_id`. Pictures inside of a request (`data:`) travel in the queue.
///
/// A line that makes no sense, or asks for what a job cannot have, is a job with a `fault`; the others go on.
package final class OpenAIJobs: JobSource {
    private let name: String
    private var lines: LineReader
    private var describer: RowDescriber
    /// The models that requests name, in the order in which they came.
    private var models: [String] = []
    private static let maximumModels = 8
    private let model: ((String) -> NamedModel)?

    /// What a request names as its model.
    package enum NamedModel: Sendable {
        case model, adapter, unknown
    }

    /// - Parameters:
    ///   - path: A path or an address, `-` for standard input.
    ///   - name: What messages call it; nil for its path.
    ///   - model: Tells what a request names; without it the model of the workers answers all.
    /// - Throws: `unreadable`.
    package init(
        path: String, template: JobTemplate, name: String? = nil, fetcher: SharedFetcher = SharedFetcher(),
        model: ((String) -> NamedModel)? = nil
    ) throws(QueueError) {
        let file = InputFile(path, fetcher)
        self.name = name ?? file.name
        self.model = model
        describer = RowDescriber(template: template, folder: file.folder)
        lines = try LineReader(file)
    }

    /// The number of the line that the last job is from; lines count from 1.
    package var lineNumber: Int { lines.number }

    /// Returns the job of the next line, nil at the end.
    ///
    /// - Throws: `unreadable` where the file cannot be read.
    package func next() throws(QueueError) -> Job? {
        while let line = try lines.next() {
            let place = "\(name) line \(lines.number)"
            var id: String?
            do throws(RowError) {
                guard let members = try line.members(like: OpenAIRequest.example) else { continue }
                // So that the failure is found under its id.
                id = OpenAIRequest.id(of: members)
                return describer.job(try row(try OpenAIRequest(members), place: place)) { _, _ in false }
                    .called(id)
            } catch {
                return RowDescriber.faulty(place, error.reason).called(id)
            }
        }
        return nil
    }

    private func row(_ request: OpenAIRequest, place: String) throws(RowError) -> RowDescriber.Row {
        if let model = request.model, models.count < Self.maximumModels,
            !models.contains(where: { $0.isExactly(model) })
        {
            models.append(model)
        }
        var row = RowDescriber.Row(place: place, said: request.said, own: [])
        row.unasked = [JSON.Member(key: "custom_id", value: .string(request.id))]
        if let name = request.model, let model = model?(name) {
            switch model {
            case .model: break
            case .adapter: row.said.append(JSON.Member(key: "adapter", value: .string(name)))
            case .unknown: throw RowError("there is no model \"\(name)\"")
            }
        }
        for (index, picture) in request.pictures.enumerated() {
            switch picture {
            case .bytes(let bytes):
                row.pictures.append(
                    JobImage(
                        name: "\(request.id)#\(index)", path: place, size: Int64(bytes.count),
                        contentHash: ContentHash.hexadecimal(of: bytes), bytes: bytes))
            case .name(let name):
                do throws(LocationError) {
                    row.pictures.append(try describer.locator.image(named: name))
                } catch {
                    throw RowError(error.description)
                }
            }
        }
        return row
    }

    package var notes: [String] {
        let named = models.map { "\"\($0)\"" }.joined(separator: ", ")
        return (models.isEmpty ? [] : ["the requests name the model \(named); the model of the workers answers"])
            + describer.notes
    }
}

extension Job {
    /// Returns the job, where it failed, with the id that its line gives it.
    fileprivate func called(_ id: String?) -> Job {
        guard fault != nil, let id else { return self }
        var job = self
        job.id = id
        return job.storable()
    }
}
