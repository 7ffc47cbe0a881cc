/// Why a prompt cannot be answered. The code goes into a job's result.
package struct PromptError: Error, CustomStringConvertible, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        /// The prompt contains `<image>`; pictures are given as pictures.
        case imageMarker = "image_marker_in_prompt"
        /// There is no picture to speak about.
        case noPicture = "no_picture"
        /// Pictures, prompt and answer together pass the model's context.
        case tooLong = "prompt_too_long"
        /// The length asked for the answer is no length.
        case maximumTokens = "invalid_max_tokens"
    }

    package let code: Code
    package let reason: String

    package var description: String { reason }
}

/// What the language model reads before it answers: the pictures' places, then the prompt.
package enum Prompt {
    /// The token ids of a request: `<image>` once for each row of each picture, begin-of-text, the prompt, a line feed.
    ///
    /// The prompt and the line feed are tokenized apart, as in training: a prompt that ends in a line feed keeps its own.
    /// An empty prompt is a valid one.
    ///
    /// - Parameters:
    ///   - pictures: number of pictures, at least 1.
    ///   - maximumNewTokens: most tokens of the answer, at least 1.
    /// - Returns: `pictures * tokens a picture + 1 + prompt + 1` ids; the rows of the pictures come first.
    /// - Throws: ``PromptError``; with the code `prompt_too_long` where the ids and the longest answer together pass the
    ///   context, with the numbers.
    package static func tokens(
        for prompt: String, pictures: Int, maximumNewTokens: Int, tokenizer: Tokenizer,
        configuration: ModelConfiguration
    ) throws(PromptError) -> [Int32] {
        guard pictures >= 1 else { throw PromptError(code: .noPicture, reason: "the request has no picture") }
        guard maximumNewTokens >= 1 else {
            throw PromptError(
                code: .maximumTokens, reason: "the answer may have \(maximumNewTokens) tokens; it takes at least 1")
        }
        guard prompt.utf8.firstRange(of: "<image>".utf8) == nil else {
            throw PromptError(
                code: .imageMarker,
                reason: "the prompt contains <image>; leave it out, the pictures' places are put in front of the prompt"
            )
        }
        let (pictureRows, overflow) = pictures.multipliedReportingOverflow(by: configuration.vision.tokens)
        let context = configuration.text.context
        // Checked first, so that a million pictures do not cost their tokens' memory.
        guard !overflow, pictureRows < context else { throw tooLong(pictures, nil, maximumNewTokens, configuration) }
        let text =
            [Int32(configuration.beginToken)] + tokenizer.encode(prompt) + tokenizer.encode("\n")
        guard maximumNewTokens <= context, pictureRows + text.count + maximumNewTokens <= context else {
            throw tooLong(pictures, text.count, maximumNewTokens, configuration)
        }
        return [Int32](repeating: Int32(configuration.imageToken), count: pictureRows) + text
    }

    private static func tooLong(
        _ pictures: Int, _ textTokens: Int?, _ newTokens: Int, _ configuration: ModelConfiguration
    ) -> PromptError {
        let prompt = textTokens.map { ", \($0) of the prompt" } ?? ""
        return PromptError(
            code: .tooLong,
            reason:
                "\(pictures) x \(configuration.vision.tokens) tokens of pictures\(prompt) and up to \(newTokens) of the "
                + "answer pass the model's context of \(configuration.text.context)")
    }
}
