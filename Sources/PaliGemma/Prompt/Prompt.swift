import Base

/// The prefix of a sequence: image tokens, then the prompt.
package enum Prompt {
    /// Returns the token ids of a request: `<image>` for each row of each picture, begin-of-text, the prompt, a line feed.
    ///
    /// A prompt may begin with `<image>` once for each picture, as transformers writes it: these are the places that the
    /// pictures have anyway.
    ///
    /// The prompt and the line feed are tokenized separately, as in training, so that a line feed at the end of the prompt
    /// stays a token of its own. The prompt may be empty.
    ///
    /// - Parameters:
    ///   - pictures: number of pictures, at least 1.
    ///   - maximumNewTokens: maximum number of tokens of the answer, at least 1.
    /// - Returns: `pictures * tokens of a picture + 1 + prompt + 1` ids; the image tokens come first.
    /// - Throws: ``PromptError`` with any of its codes.
    package static func tokens(
        for prompt: String, pictures: Int, maximumNewTokens: Int, tokenizer: Tokenizer,
        configuration: ModelConfiguration
    ) throws(PromptError) -> [Int32] {
        guard pictures >= 1 else { throw PromptError(code: .noPicture, reason: "the request has no picture") }
        guard maximumNewTokens >= 1 else {
            throw PromptError(
                code: .maximumTokens, reason: "the answer may have \(maximumNewTokens) tokens; it takes at least 1")
        }
        let prompt = try withoutMarkers(prompt, pictures: pictures)
        try checkBytes(of: prompt, tokenizer: tokenizer, configuration: configuration)
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

    /// Returns the prompt behind the `<image>` that it begins with.
    ///
    /// - Throws: ``PromptError`` with the code `imageMarker` where there are more or fewer than pictures, or some elsewhere.
    private static func withoutMarkers(_ prompt: String, pictures: Int) throws(PromptError) -> String {
        let marker = "<image>".utf8
        var rest = prompt.utf8[...]
        var count = 0
        while rest.starts(with: marker) {
            rest = rest.dropFirst(marker.count)
            count += 1
        }
        guard rest.firstRange(of: marker) == nil else {
            throw PromptError(
                code: .imageMarker,
                reason: "the prompt has <image> behind other text; pictures come before it, leave it out")
        }
        guard count == 0 || count == pictures else {
            throw PromptError(
                code: .imageMarker,
                reason:
                    "the prompt has \(count) <image>, but the request has \(pictures.counted("picture")); leave <image> out"
            )
        }
        return count == 0 ? prompt : String(rest) ?? ""
    }

    /// Refuses a prompt that is too long for the context whatever its tokens are, before it is tokenized, which takes many
    /// times its memory.
    ///
    /// - Throws: ``PromptError`` with the code `tooLong`.
    private static func checkBytes(
        of prompt: String, tokenizer: Tokenizer, configuration: ModelConfiguration
    ) throws(PromptError) {
        let (bytes, context) = (prompt.utf8.count, configuration.text.context)
        guard bytes / tokenizer.longestPieceBytes >= context else { return }
        throw PromptError(
            code: .tooLong,
            reason: "the prompt has \(bytes) bytes, more than the model's context of \(context) tokens can hold")
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
