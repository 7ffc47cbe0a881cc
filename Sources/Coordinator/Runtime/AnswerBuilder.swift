import DecodingSettings
import PaliGemma
import Queue
import Wire

/// Builds an answer from the tokens of a sequence as they come, and finds the stop text that ends it.
package struct AnswerBuilder {
    private var tokens: [Int32] = []
    private var logprobs: [Float] = []
    private var topTokens: [Int32] = []
    private var topLogprobs: [Float] = []
    private var answers: [Tokens.Answer] = []
    private var stop: (text: String, reason: String)?

    /// Takes new tokens.
    ///
    /// - Returns: Whether a stop text came, which ends the answer.
    mutating func take(_ result: Tokens.Result, options: DecodingOptions, tokenizer: Tokenizer) -> Bool {
        topTokens += result.topTokens
        topLogprobs += result.topLogprobs
        answers += result.answers
        // One by one, so that the answer does not depend on how many come together.
        for (token, logprob) in zip(result.tokens, result.logprobs) {
            tokens.append(token)
            logprobs.append(logprob)
            if !options.stop.isEmpty, let cut = Self.cut(tokenizer.decode(tokens), before: options.stop) {
                stop = cut
                return true
            }
        }
        return false
    }

    /// Returns whether the model's numbers are finite: a weight that is NaN makes all of them NaN.
    func isFinite(_ options: DecodingOptions) -> Bool {
        let hasAnswers = options.beams == nil && options.choices.isEmpty || !answers.isEmpty
        return hasAnswers && (logprobs + answers.map(\.score)).allSatisfy(\.isFinite)
    }

    /// Returns the text before the first of some stop texts in it, and that stop text; of several at the same place the
    /// one that is given first. Nil where there is none.
    package static func cut(_ text: String, before stops: [String]) -> (text: String, reason: String)? {
        var first: (at: String.Index, reason: String)?
        for stop in stops {
            guard let place = text.utf8.firstRange(of: stop.utf8)?.lowerBound else { continue }
            if first.map({ place < $0.at }) ?? true { first = (place, stop) }
        }
        return first.map { (String(text[..<$0.at]), $0.reason) }
    }

    /// Returns the answer of a sequence that ended.
    ///
    /// - Parameters:
    ///   - picture: The size of the only picture of the job, in which boxes are located; nil where there are several.
    ///   - isDamaged: Whether parts of a picture were missing or broken and have been filled in.
    ///   - prompt: The prompt of the job; where it asks for boxes, the answer has a list of them even if it is empty.
    func answer(
        _ status: Tokens.Status, options: DecodingOptions, tokenizer: Tokenizer, seconds: Double,
        picture: PictureSize?, isDamaged: Bool, prompt: String
    ) -> Answer {
        let text = stop?.text ?? tokenizer.decode(tokens)
        var details = AnswerDetails()
        if let picture {
            let places = zip(tokens, logprobs).filter { DetectedBoxes.isPlace(tokenizer.piece($0.0) ?? "") }.map(\.1)
            let boxes = DetectedBoxes.find(
                in: text, width: picture.width, height: picture.height, placeLogprobs: places)
            if !boxes.isEmpty || TaskPrompt.asksForBoxes(prompt) {
                details.detection = .init(boxes: boxes, size: picture)
            }
        }
        details.isDamaged = isDamaged
        details.stopReason = stop?.reason
        details.topLogprobs = topLogprobs(of: options.topLogprobs, tokenizer)
        if !options.choices.isEmpty {
            details.choices = zip(options.choices, answers).map { .init(text: $0, logprob: $1.score) }
            details.score = answers.map(\.score).max()
        } else if options.beams != nil {
            details.score = answers.first?.score
            details.alternatives = answers.map {
                .init(
                    text: tokenizer.decode($0.tokens), tokens: $0.tokens, logprobs: $0.logprobs, score: $0.score,
                    finishReason: $0.isEnded ? .stop : .length)
            }
        }
        return Answer(
            text: text, tokens: tokens, logprobs: logprobs, finishReason: stop != nil ? .stop : FinishReason(status),
            seconds: seconds, details: details.text)
    }

    private func topLogprobs(of count: Int, _ tokenizer: Tokenizer) -> [[AnswerDetails.Token]] {
        guard count > 0 else { return [] }
        return tokens.indices.map { token in
            (token * count..<(token + 1) * count).clamped(to: topTokens.indices).map { index in
                let id = topTokens[index]
                let text = tokenizer.isSilent(id) ? tokenizer.piece(id) ?? "" : tokenizer.decode([id])
                return AnswerDetails.Token(id: id, text: text, logprob: topLogprobs[index])
            }
        }
    }
}

extension FinishReason {
    fileprivate init(_ status: Tokens.Status) {
        switch status {
        case .length: self = .length
        case .repetition: self = .repetition
        case .unfinished, .stop, .damaged: self = .stop
        }
    }
}
