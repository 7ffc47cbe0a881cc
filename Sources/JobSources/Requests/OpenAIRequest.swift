import Base
import DecodingSettings

/// A line of a file for OpenAI's batch interface.
struct OpenAIRequest {
    static let example = #"{"custom_id": "a", "method": "POST", "url": "/v1/chat/completions", "body": {…}}"#
    private static let endpoint = "/v1/chat/completions"

    let id: String
    let model: String?
    private(set) var pictures: [ChatMessages.Picture]
    /// What it says, with the keys of a row.
    private(set) var said: [JSON.Member]

    /// Returns the id of a line, where it has one.
    static func id(of members: [JSON.Member]) -> String? {
        guard let id = RowFields(members)["custom_id"]?.string, !id.isEmpty else { return nil }
        return id
    }

    /// - Throws: ``RowError`` for what a job cannot have.
    init(_ members: [JSON.Member]) throws(RowError) {
        let line = RowFields(members)
        for member in members where !["custom_id", "method", "url", "body"].contains(member.key) {
            throw RowError("\"\(member.key)\" is no key of a request; it is like \(Self.example)")
        }
        guard let id = Self.id(of: members) else {
            throw RowError("\"custom_id\" is missing or no text; it names the answer")
        }
        let (method, url) = (try line.text("method") ?? "POST", try line.text("url") ?? Self.endpoint)
        guard method == "POST", url == Self.endpoint else {
            throw RowError("the request is \(method) \(url); only POST \(Self.endpoint) is answered")
        }
        guard let body = line["body"]?.object else { throw RowError("\"body\" is missing or no object") }
        let fields = RowFields(body)
        try Self.checkKeys(body, fields)
        let (texts, pictures) = try Self.userContent(fields["messages"])
        self.id = id
        self.pictures = pictures
        model = try fields.text("model")
        said = [JSON.Member(key: "id", value: .string(id))]
        let prompt = texts.joined(separator: "\n")
        if !prompt.isEmpty { said.append(JSON.Member(key: "prompt", value: .string(prompt))) }
        for key in ["max_completion_tokens", "max_tokens"] {
            guard let value = fields[key] else { continue }
            said.append(JSON.Member(key: "max_tokens", value: value))
            break
        }
        said += body.filter { Self.options.contains($0.key) && $0.value != .null }
    }

    private static func userContent(
        _ messages: JSON?
    ) throws(RowError) -> (texts: [String], pictures: [ChatMessages.Picture]) {
        do throws(ChatError) {
            return try ChatMessages.userContent(messages)
        } catch {
            throw RowError(error.reason)
        }
    }

    // MARK: The keys of a body

    /// Options of an answer that are called and mean the same here.
    private static let options: Set<String> = [
        "temperature", "top_p", "top_k", "min_p", "seed", "stop", "top_logprobs", "repetition_penalty",
    ]
    private static let read: Set<String> = ["model", "messages", "max_tokens", "max_completion_tokens", "logprobs"]
    /// Says nothing about the answer.
    private static let ignored: Set<String> = [
        "user", "store", "metadata", "service_tier", "parallel_tool_calls", "reasoning_effort", "stream_options",
    ]
    /// What is not implemented, with the values that ask for nothing.
    private static let neutral: [String: [JSON]] = [
        "stream": [.bool(false)], "n": [.number("1")], "logit_bias": [.object([])], "tools": [.array([])],
        "frequency_penalty": [.number("0"), .number("0.0")], "presence_penalty": [.number("0"), .number("0.0")],
        "modalities": [.array([.string("text")])], "tool_choice": [.string("none"), .string("auto")],
        "response_format": [.object([JSON.Member(key: "type", value: .string("text"))])],
    ]
    private static let advice = [
        "stream": "answers of a file come at once; leave it out",
        "n": "a job has one sampled answer; write the request several times, each with its own custom_id and seed",
    ]

    private static func checkKeys(_ body: [JSON.Member], _ fields: RowFields) throws(RowError) {
        for member in body where member.value != .null {
            if options.contains(member.key) || read.contains(member.key) || ignored.contains(member.key) { continue }
            guard let values = neutral[member.key] else {
                throw RowError("\"\(member.key)\" in \"body\" is not known here; leave it out")
            }
            guard values.contains(member.value) else {
                throw RowError(
                    "\"\(member.key)\" in \"body\" cannot be done: \(advice[member.key] ?? "leave it out")")
            }
        }
        if fields["top_logprobs"] != nil, fields["logprobs"] != .bool(true) {
            throw RowError("\"top_logprobs\" in \"body\" needs \"logprobs\": true")
        }
    }
}
