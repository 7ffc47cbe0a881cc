/// The prompts that the model was trained with, by the name of the task. Source: the task prompts of the paper,
/// section 7.1 of the model's notes.
package enum TaskPrompt: String, Sendable, CaseIterable {
    case caption
    case describe
    case ocr
    case detect
    case segment
    case answer
    case question

    /// The languages of the captions that the model was trained on, and one more that it is evaluated in.
    package static let languages = [
        "ar", "bn", "cs", "da", "de", "el", "en", "es", "fa", "fi", "fil", "fr", "he", "hi", "hr", "hu", "id", "it",
        "ja", "ko", "mi", "nl", "no", "pl", "pt", "quz", "ro", "ru", "sv", "sw", "te", "th", "tr", "uk", "vi", "zh",
    ]
    private static let standardLanguage = "en"

    /// Returns whether the answer to a prompt has boxes.
    package static func asksForBoxes(_ prompt: String) -> Bool {
        [detect, segment].contains { prompt.hasPrefix($0.rawValue + " ") }
    }

    /// - Parameters:
    ///   - language: Nil for English; only for tasks whose answer is in a language.
    ///   - about: The objects to find, with ";" between them; the question to answer; the answer to find a question
    ///     for.
    /// - Throws: ``TaskPromptError``, which says what to change.
    package func prompt(language: String?, about: String?) throws(TaskPromptError) -> String {
        switch self {
        case .caption, .describe:
            try refuse(about)
            return "\(rawValue) \(try checked(language))"
        case .ocr:
            try refuse(about)
            try refuse(language: language)
            return rawValue
        case .detect, .segment:
            try refuse(language: language)
            return "\(rawValue) \(try objects(in: about))"
        case .answer: return "\(rawValue) \(try checked(language)) \(try required(about, "the question"))"
        case .question:
            return "\(rawValue) \(try checked(language)) \(try required(about, "the answer that is known"))"
        }
    }

    private func checked(_ language: String?) throws(TaskPromptError) -> String {
        let language = language ?? Self.standardLanguage
        guard Self.languages.contains(language) else {
            let known = Self.languages.joined(separator: ", ")
            throw TaskPromptError("the language \"\(language)\" is not one that the model was trained on: \(known)")
        }
        return language
    }

    private func required(_ about: String?, _ what: String) throws(TaskPromptError) -> String {
        guard let about, about.contains(where: { !$0.isWhitespace }) else {
            throw TaskPromptError("the task \"\(rawValue)\" needs \(what): give \"about\"")
        }
        return about
    }

    /// Returns the objects in the form that the model was trained with: space, semicolon, space.
    private func objects(in about: String?) throws(TaskPromptError) -> String {
        let names = try required(about, "the objects").split(separator: ";", omittingEmptySubsequences: false).map {
            $0.drop(while: \.isWhitespace).reversed().drop(while: \.isWhitespace).reversed()
        }.map { String($0) }
        guard !names.contains("") else {
            throw TaskPromptError("an object of \"\(about ?? "")\" has no name; write them like \"cat ; dog\"")
        }
        return names.joined(separator: " ; ")
    }

    private func refuse(_ about: String?) throws(TaskPromptError) {
        guard let about else { return }
        throw TaskPromptError("the task \"\(rawValue)\" is about the whole picture; leave \"\(about)\" out")
    }

    private func refuse(language: String?) throws(TaskPromptError) {
        guard let language else { return }
        throw TaskPromptError("the task \"\(rawValue)\" is of no language; leave \"\(language)\" out")
    }
}
