import Base
import Foundation

/// The details of an answer in the results, where the job asks for them.
package struct AnswerDetails: Sendable, Equatable {
    package struct Token: Sendable, Equatable {
        package var id: Int32
        package var text: String
        package var logprob: Float

        package init(id: Int32, text: String, logprob: Float) {
            self.id = id
            self.text = text
            self.logprob = logprob
        }
    }

    package struct Alternative: Sendable, Equatable {
        package var text: String
        package var tokens: [Int32]
        package var logprobs: [Float]
        package var score: Float
        package var finishReason: FinishReason

        package init(
            text: String, tokens: [Int32], logprobs: [Float], score: Float, finishReason: FinishReason
        ) {
            self.text = text
            self.tokens = tokens
            self.logprobs = logprobs
            self.score = score
            self.finishReason = finishReason
        }
    }

    package struct Choice: Sendable, Equatable {
        package var text: String
        /// The log-probability of all its tokens and the end token together.
        package var logprob: Float

        package init(text: String, logprob: Float) {
            self.text = text
            self.logprob = logprob
        }
    }

    /// The objects that the answer locates in the job's picture.
    package struct Detection: Sendable, Equatable {
        package var boxes: [DetectedBox]
        package var size: PictureSize

        package init(boxes: [DetectedBox], size: PictureSize) {
            self.boxes = boxes
            self.size = size
        }
    }

    /// What a prompt cost.
    package struct Usage: Sendable, Equatable {
        /// The tokens of the prompt, with those of its pictures.
        package var promptTokens: Int
        package var imageTokens: Int

        package init(promptTokens: Int, imageTokens: Int) {
            self.promptTokens = promptTokens
            self.imageTokens = imageTokens
        }
    }

    package var detection: Detection?
    /// Whether parts of a picture were missing or broken and have been filled in.
    package var isDamaged = false
    /// The text that ended the answer.
    package var stopReason: String?
    /// The score of the best beam or choice.
    package var score: Float?
    package var alternatives: [Alternative] = []
    package var choices: [Choice] = []
    /// The most probable tokens at every token of the answer, best first.
    package var topLogprobs: [[Token]] = []
    /// For a service: what the prompt cost, and the text of each token of the answer.
    package var usage: Usage?
    package var tokenTexts: [String] = []

    package init() {}

    /// The details as a JSON object; nil where there are none.
    package var text: String? {
        var writer = JSONWriter()
        func key(_ name: StaticString) {
            writer.raw(writer.bytes.isEmpty ? "{\"" : ",\"")
            writer.raw(name)
            writer.raw("\":")
        }
        if let detection {
            key("boxes")
            writer.array(detection.boxes) { $0.box($1) }
            key("image_size")
            writer.array([detection.size.width, detection.size.height]) { $0.integer($1) }
        }
        if isDamaged {
            key("damaged")
            writer.raw("true")
        }
        if let stopReason {
            key("stop_reason")
            writer.string(stopReason)
        }
        if let score {
            key("score")
            writer.number(score)
        }
        if !alternatives.isEmpty {
            key("answers")
            writer.array(alternatives) { $0.alternative($1) }
        }
        if !choices.isEmpty {
            key("choices")
            writer.array(Array(zip(choices, probabilities))) { $0.choice($1.0, probability: $1.1) }
        }
        if !topLogprobs.isEmpty {
            key("top_logprobs")
            writer.array(topLogprobs) { writer, tokens in writer.array(tokens) { $0.token($1) } }
        }
        if let usage {
            key("prompt_tokens")
            writer.integer(usage.promptTokens)
            key("image_tokens")
            writer.integer(usage.imageTokens)
            key("token_texts")
            writer.array(tokenTexts) { $0.string($1) }
        }
        guard !writer.bytes.isEmpty else { return nil }
        writer.raw("}")
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// The probabilities of the choices relative to each other.
    private var probabilities: [Double] {
        let largest = choices.map(\.logprob).max() ?? 0
        let weights = choices.map { exp(Double($0.logprob - largest)) }
        let total = weights.reduce(0, +)
        return weights.map { $0 / total }
    }
}

extension JSONWriter {
    fileprivate mutating func box(_ box: DetectedBox) {
        raw("{\"label\":")
        string(box.label)
        raw(",\"box\":")
        array(box.corners) { $0.integer($1) }
        if !box.mask.isEmpty {
            raw(",\"mask\":")
            array(box.mask) { $0.integer($1) }
        }
        if let score = box.score {
            raw(",\"score\":")
            number(score)
        }
        raw("}")
    }

    fileprivate mutating func alternative(_ alternative: AnswerDetails.Alternative) {
        raw("{\"text\":")
        string(alternative.text)
        raw(",\"tokens\":")
        array(alternative.tokens) { $0.integer($1) }
        raw(",\"logprobs\":")
        array(alternative.logprobs) { $0.number($1) }
        raw(",\"score\":")
        number(alternative.score)
        raw(",\"finish_reason\":")
        string(alternative.finishReason.rawValue)
        raw("}")
    }

    fileprivate mutating func choice(_ choice: AnswerDetails.Choice, probability: Double) {
        raw("{\"text\":")
        string(choice.text)
        raw(",\"logprob\":")
        number(choice.logprob)
        raw(",\"probability\":")
        number(probability)
        raw("}")
    }

    fileprivate mutating func token(_ token: AnswerDetails.Token) {
        raw("{\"id\":")
        integer(token.id)
        raw(",\"text\":")
        string(token.text)
        raw(",\"logprob\":")
        number(token.logprob)
        raw("}")
    }
}

extension Answer {
    /// The boxes of an answer that was asked for some or has some; nil for others.
    package var detection: AnswerDetails.Detection? {
        guard let details, let json = try? JSON(parsing: details), let boxes = json["boxes"]?.array,
            let size = json["image_size"]?.array?.compactMap(\.integer), size.count == 2
        else { return nil }
        let found = boxes.compactMap { box -> DetectedBox? in
            guard let label = box["label"]?.string, let corners = box["box"]?.array?.compactMap(\.integer),
                corners.count == 4
            else { return nil }
            let score = box["score"].flatMap { if case .number(let text) = $0 { Float(text) } else { nil } }
            return DetectedBox(
                label: label, corners: corners, mask: box["mask"]?.array?.compactMap(\.integer) ?? [], score: score)
        }
        return AnswerDetails.Detection(boxes: found, size: PictureSize(width: size[0], height: size[1]))
    }
}
