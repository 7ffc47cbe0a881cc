import Base

/// The keys of a request for a chat: what they become, and which are refused.
enum ChatKeys {
    private static let read: Set<String> = [
        "model", "messages", "max_tokens", "max_completion_tokens", "stream", "stream_options", "logprobs",
        "top_logprobs", "n", "seed", "temperature", "top_p", "top_k", "min_p", "repetition_penalty", "stop",
        "paligemma",
    ]
    /// Those of `paligemma`, which other services do not have.
    private static let own: Set<String> = [
        "task", "lang", "about", "choices", "num_beams", "length_penalty", "num_return", "stop_repetition", "priority",
    ]
    /// They say nothing about the answer.
    private static let silent: Set<String> = [
        "user", "store", "metadata", "service_tier", "parallel_tool_calls", "reasoning_effort",
    ]
    /// What is not implemented, with the values that ask for nothing.
    private static let neutral: [String: [JSON]] = [
        "frequency_penalty": zero, "presence_penalty": zero, "logit_bias": [.object([])], "tools": [.array([])],
        "functions": [.array([])], "tool_choice": [.string("none"), .string("auto")],
        "response_format": [.object([JSON.Member(key: "type", value: .string("text"))])],
        "modalities": [.array([.string("text")])], "audio": [], "prediction": [], "web_search_options": [],
        "best_of": [.number("1")], "echo": [.bool(false)], "suffix": [], "use_beam_search": [.bool(false)],
    ]
    private static let zero: [JSON] = [.number("0"), .number("0.0")]

    /// Returns the keys that are not known, which are ignored.
    ///
    /// - Throws: ``APIError`` for what asks for something that is not implemented.
    static func check(_ fields: RequestFields, _ own: RequestFields) throws(APIError) -> [String] {
        for name in own.names where !Self.own.contains(name) {
            throw .unsupported(
                "paligemma.\(name)",
                "\"\(name)\" in \"paligemma\" is not known; known are \(Self.own.sorted().joined(separator: ", "))")
        }
        var ignored: [String] = []
        for name in fields.names where !read.contains(name) {
            if let values = neutral[name] {
                guard let value = fields[name], values.contains(value) else {
                    throw .unsupported(name, "\"\(name)\" cannot be done by PaliGemma; leave it out")
                }
            } else if !silent.contains(name) {
                ignored.append(name)
            }
        }
        return ignored
    }

    /// Returns the decoding options of the jobs, but for the seed and the probabilities.
    ///
    /// - Throws: ``APIError``.
    static func options(_ fields: RequestFields, _ own: RequestFields) throws(APIError) -> [JSON.Member] {
        var options: [JSON.Member] = []
        func add(_ key: String, _ value: JSON?) {
            if let value { options.append(JSON.Member(key: key, value: value)) }
        }
        let temperature = try fields.number("temperature", "a number from 0 to 2") { (0...2).contains($0) }
        let isSampled = (temperature?.number ?? 0) > 0
        let topP = try fields.number("top_p", "above 0, at most 1") { $0 > 0 && $0 <= 1 }
        let topK = try fields.integer("top_k", in: -1...Int(Int32.max))
        let minP = try fields.number("min_p", "a number from 0 to 1") { (0...1).contains($0) }
        if isSampled {
            add("temperature", temperature)
            add("top_p", topP)
            // vLLM's word for all.
            if let topK, topK > 0 { add("top_k", .integer(topK)) }
            if let minP, minP.number != 0 { add("min_p", minP) }
        }
        let penalty = try fields.number("repetition_penalty", "a number above 0") { $0 > 0 }
        if penalty?.number != 1 { add("repetition_penalty", penalty) }
        if let stops = try fields.texts("stop", maximum: RequestLimits.stops), !stops.isEmpty {
            add("stop", .array(stops.map { .string($0) }))
        }
        for key in ["choices", "num_beams", "length_penalty", "num_return", "stop_repetition"] { add(key, own[key]) }
        return options
    }
}
