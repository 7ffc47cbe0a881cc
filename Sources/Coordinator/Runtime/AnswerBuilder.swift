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
    /// The UTF-8 bytes and the tokens of the answer that ``progress(options:tokenizer:)`` has returned.
    private var (sentBytes, sentTokens) = (0, 0)

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

    /// Returns what came since the last call and stays as it is, whatever comes; nil for nothing. The id of the job and the
    /// attempt are left empty.
    ///
    /// The bytes of a character that is not complete are held back, and what a stop text may begin with. Beams and choices are
    /// known at their end only.
    mutating func progress(options: DecodingOptions, tokenizer: Tokenizer) -> AnswerProgress? {
        guard options.beams == nil, options.choices.isEmpty, stop == nil else { return nil }
        let text = Array(tokenizer.decode(tokens).utf8)
        let settled = text.count - Self.unsettledBytes(of: text, stops: options.stop)
        guard settled > sentBytes else { return nil }
        let part = String(decoding: text[sentBytes..<settled], as: UTF8.self)
        var progress = AnswerProgress(jobID: "", attempt: 0, offset: sentBytes, text: part, tokens: tokens.count)
        if options.topLogprobs > 0 {
            let new = sentTokens..<tokens.count
            progress.logprobs = zip(new, topLogprobs(of: options.topLogprobs, at: new, tokenizer)).map { index, top in
                TokenLogprob(
                    text: Self.text(of: tokens[index], tokenizer), logprob: logprobs[index],
                    top: top.map { TokenLogprob(text: $0.text, logprob: $0.logprob) })
            }
        }
        (sentBytes, sentTokens) = (settled, tokens.count)
        return progress
    }

    /// Returns the number of bytes at the end of a text that may still change: replacement characters, which stand for bytes of
    /// a character that is not complete, and the beginning of a stop text.
    package static func unsettledBytes(of text: [UInt8], stops: [String]) -> Int {
        let replacement = Array("\u{FFFD}".utf8)
        var settled = text[...]
        while settled.suffix(replacement.count).elementsEqual(replacement) { settled.removeLast(replacement.count) }
        var held = 0
        for stop in stops.map({ Array($0.utf8) }) {
            let longest = min(stop.count - 1, settled.count)
            guard longest > held else { continue }
            held = (held + 1...longest).last { settled.suffix($0).elementsEqual(stop.prefix($0)) } ?? held
        }
        // Not inside of a character.
        var end = settled.endIndex - held
        while end > settled.startIndex, end < settled.endIndex, settled[end] & 0xC0 == 0x80 { end -= 1 }
        return text.count - end
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
    ///   - usage: The tokens of the prompt, where they are reported with the texts of the answer's tokens; nil where not.
    func answer(
        _ status: Tokens.Status, options: DecodingOptions, tokenizer: Tokenizer, seconds: Double,
        picture: PictureSize?, isDamaged: Bool, prompt: String, usage: AnswerDetails.Usage? = nil
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
        details.topLogprobs = topLogprobs(of: options.topLogprobs, at: tokens.indices, tokenizer)
        if let usage {
            details.usage = usage
            details.tokenTexts = tokens.map { Self.text(of: $0, tokenizer) }
        }
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

    /// Returns the most probable tokens in the places of some tokens of the answer.
    private func topLogprobs(of count: Int, at places: Range<Int>, _ tokenizer: Tokenizer) -> [[AnswerDetails.Token]] {
        guard count > 0 else { return [] }
        return places.map { token in
            (token * count..<(token + 1) * count).clamped(to: topTokens.indices).map { index in
                let id = topTokens[index]
                return AnswerDetails.Token(id: id, text: Self.text(of: id, tokenizer), logprob: topLogprobs[index])
            }
        }
    }

    private static func text(of token: Int32, _ tokenizer: Tokenizer) -> String {
        tokenizer.isSilent(token) ? tokenizer.piece(token) ?? "" : tokenizer.decode([token])
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
