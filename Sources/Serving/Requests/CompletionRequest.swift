import Base
import JobSources
import Queue

/// What a request for a completion asks for (`POST /v1/completions`): texts as prompts, pictures in `paligemma.images`.
///
/// Each prompt is one question about all of the pictures; it becomes a request for a chat.
struct CompletionRequest {
    /// The chats, one a prompt, in their order.
    let chats: [ChatRequest]
    /// The number of most probable tokens that are shown at each token; nil for no probabilities.
    let logprobs: Int?

    private static let maximumPrompts = 16
    private static let defaultMaxTokens = 16
    private static let maximumLogprobs = 5

    /// - Throws: ``APIError`` for what no job can have.
    init(_ fields: RequestFields, _ limits: RequestLimits) throws(APIError) {
        let prompts = try Self.prompts(fields)
        logprobs = try fields.integer("logprobs", in: 0...Self.maximumLogprobs)
        let pictures = try Self.pictures(fields)
        var members = fields.without(["prompt", "logprobs", "max_tokens", "paligemma"])
        let length = try fields.integer("max_tokens", in: 1...Job.largestMaxTokens) ?? Self.defaultMaxTokens
        members.append(.init(key: "max_tokens", value: .integer(length)))
        if let logprobs {
            members.append(.init(key: "logprobs", value: .bool(true)))
            members.append(.init(key: "top_logprobs", value: .integer(logprobs)))
        }
        let own = try fields.object("paligemma")?.without(["images"]) ?? []
        if !own.isEmpty { members.append(.init(key: "paligemma", value: .object(own))) }
        var chats: [ChatRequest] = []
        for prompt in prompts {
            let parts = pictures + [JSON.record(["type": .string("text"), "text": .string(prompt)])]
            let message = JSON.record(["role": .string("user"), "content": .array(parts)])
            do throws(APIError) {
                chats.append(
                    try ChatRequest(
                        RequestFields(members + [.init(key: "messages", value: .array([message]))]), limits))
            } catch {
                throw Self.renamed(error)
            }
        }
        self.chats = chats
    }

    private static func prompts(_ fields: RequestFields) throws(APIError) -> [String] {
        if let list = fields["prompt"]?.array, list.contains(where: { $0.integer != nil || $0.array != nil }) {
            throw .unsupported("prompt", "\"prompt\" holds numbers of tokens; give its text")
        }
        guard let prompts = try fields.texts("prompt", maximum: maximumPrompts), !prompts.isEmpty else {
            throw .invalidValue("prompt", "\"prompt\" is missing; give a text, or a list of texts")
        }
        return prompts
    }

    /// Returns the pictures as parts of a message.
    private static func pictures(_ fields: RequestFields) throws(APIError) -> [JSON] {
        let place = "paligemma.images"
        guard let images = try fields.object("paligemma")?["images"]?.array, !images.isEmpty else {
            throw APIError(
                400, .invalidRequest, code: "no_picture",
                "there is no picture; add \"paligemma\": {\"images\": [\"data:image/jpeg;base64,…\"]}", parameter: place
            )
        }
        var parts: [JSON] = []
        for image in images {
            guard let address = image.string ?? image["url"]?.string else {
                throw .invalidValue(place, "a picture must be a string or {\"url\": …} and is \(image.kindName)")
            }
            parts.append(
                .record(["type": .string("image_url"), "image_url": .record(["url": .string(address)])]))
        }
        return parts
    }

    /// Returns an error about the message that was made of a prompt as one about what the client wrote.
    private static func renamed(_ error: APIError) -> APIError {
        guard error.parameter?.hasPrefix("messages") == true else { return error }
        var error = error
        error.parameter = "paligemma.images"
        return error
    }
}

extension RequestFields {
    /// Returns all members but some.
    func without(_ names: Set<String>) -> [JSON.Member] { all.filter { !names.contains($0.key) } }
}
