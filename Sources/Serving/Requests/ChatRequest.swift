import Base
import DecodingSettings
import JobSources
import Queue

/// What a request for a chat asks for (`POST /v1/chat/completions`).
struct ChatRequest {
    /// The model that it names; nil for the service's own.
    var model: String?
    var pictures: [ChatMessages.Picture]
    var prompt: String
    var maxTokens: Int
    /// The number of answers.
    var count: Int
    var seed: Int?
    var streams: Bool
    /// Whether a stream ends with what it cost.
    var includesUsage: Bool
    var wantsLogprobs: Bool
    var topLogprobs: Int
    var priority: Int
    /// The decoding options of a job.
    var options: [JSON.Member]
    /// Keys that mean nothing here, for the person who wonders.
    var ignored: [String]

    /// - Throws: ``APIError`` for what no job can have.
    init(_ fields: RequestFields, _ limits: RequestLimits) throws(APIError) {
        let own = try fields.object("paligemma") ?? RequestFields([])
        ignored = try ChatKeys.check(fields, own)
        let (texts, found) = try Self.content(fields["messages"])
        pictures = found
        guard pictures.count <= limits.pictures else {
            throw APIError(
                400, .invalidRequest, code: "too_many_pictures",
                "there are \(pictures.count) pictures; at most \(limits.pictures) are answered together",
                parameter: "messages[0].content")
        }
        prompt = try Self.prompt(texts, own)
        model = try fields.text("model")
        let newName = try fields.integer("max_completion_tokens", in: 1...Job.largestMaxTokens)
        let oldName = try fields.integer("max_tokens", in: 1...Job.largestMaxTokens)
        maxTokens = newName ?? oldName ?? Job.defaultMaxTokens
        streams = try fields.bool("stream") ?? false
        includesUsage = try fields.object("stream_options")?.bool("include_usage") ?? false
        (wantsLogprobs, topLogprobs) = try Self.logprobs(fields)
        count = try fields.integer("n", in: 1...RequestLimits.answers) ?? 1
        // Seeds are bit patterns elsewhere: negative ones are as good as others.
        seed = try fields.integer("seed", in: Int.min...Int.max).map { $0 & Int.max }
        priority = try own.integer("priority", in: -1000...1000) ?? RequestLimits.priority
        options = try ChatKeys.options(fields, own)
        if wantsLogprobs { options.append(.init(key: "top_logprobs", value: .integer(max(1, topLogprobs)))) }
        let isSampled = options.contains { $0.key == "temperature" && ($0.value.number ?? 0) > 0 }
        guard count == 1 || isSampled else {
            throw .invalidValue(
                "n", "\"n\" is \(count) and the temperature is 0, so all answers would be the same; give a temperature")
        }
        if isSampled, let seed { options.append(.init(key: "seed", value: .integer(seed))) }
    }

    private static func content(
        _ messages: JSON?
    ) throws(APIError) -> (texts: [String], pictures: [ChatMessages.Picture]) {
        do throws(ChatError) {
            return try ChatMessages.userContent(messages)
        } catch {
            throw APIError(
                400, .invalidRequest, code: error.code.rawValue, error.reason, parameter: error.parameter)
        }
    }

    private static func prompt(_ texts: [String], _ own: RequestFields) throws(APIError) -> String {
        guard let name = try own.text("task") else {
            for key in ["lang", "about"] where own[key] != nil {
                throw .invalidValue("paligemma.\(key)", "\"\(key)\" needs a \"task\"")
            }
            return texts.joined(separator: "\n")
        }
        guard texts.allSatisfy(\.isEmpty) else {
            throw .invalidValue("paligemma.task", "the message has a text and a \"task\"; give one of them")
        }
        guard let task = TaskPrompt(rawValue: name) else {
            let known = TaskPrompt.allCases.map(\.rawValue).joined(separator: ", ")
            throw .invalidValue("paligemma.task", "\"task\" is \"\(name)\"; known are \(known)")
        }
        let (language, about) = (try own.text("lang"), try own.text("about"))
        do throws(TaskPromptError) {
            return try task.prompt(language: language, about: about)
        } catch {
            throw .invalidValue("paligemma.task", "\(error)")
        }
    }

    private static func logprobs(_ fields: RequestFields) throws(APIError) -> (wanted: Bool, top: Int) {
        let wanted = try fields.bool("logprobs") ?? false
        let top = try fields.integer("top_logprobs", in: 0...RequestLimits.topLogprobs)
        guard wanted || top == nil else {
            throw .invalidValue("top_logprobs", "\"top_logprobs\" needs \"logprobs\": true")
        }
        return (wanted, top ?? 0)
    }

    /// Returns the jobs, one an answer, without pictures that are named.
    ///
    /// - Parameters:
    ///   - id: The id of the request; the jobs' ids begin with it.
    ///   - adapter: The adapter that answers; nil for none.
    /// - Throws: ``APIError`` for options that do not go together.
    func jobs(id: String, adapter: String?, pictures: [JobImage], service: String) throws(APIError) -> [Job] {
        var jobs: [Job] = []
        for index in 0..<count {
            var own = options
            if let adapter { own.append(.init(key: "adapter", value: .string(adapter))) }
            if count > 1, let place = own.firstIndex(where: { $0.key == "seed" }), let seed {
                own[place].value = .integer((seed &+ index) & Int.max)
            }
            let text: String
            do throws(DecodingOptionError) {
                text = try DecodingOptions(own).text
            } catch {
                throw .invalidValue("body", error.reason)
            }
            var job = Job(
                id: count == 1 ? id : "\(id).\(index)", images: pictures, prompt: prompt, maxTokens: maxTokens,
                priority: priority, options: text)
            job.service = service
            jobs.append(job)
        }
        return jobs
    }
}
