/// Why a prompt cannot be answered. The code goes into a job's result.
package struct PromptError: Error, CustomStringConvertible, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        /// The prompt contains `<image>`; pictures are not given in the prompt.
        case imageMarker = "image_marker_in_prompt"
        /// The request has no picture.
        case noPicture = "no_picture"
        /// Image tokens, prompt and answer together exceed the model's context.
        case tooLong = "prompt_too_long"
        /// The maximum number of tokens of the answer is below 1.
        case maximumTokens = "invalid_max_tokens"
    }

    package let code: Code
    package let reason: String

    package var description: String { reason }
}
