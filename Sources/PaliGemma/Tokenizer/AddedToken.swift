import Base

/// A token that a checkpoint adds to its vocabulary or marks in it.
struct AddedToken {
    let id: Int
    /// UTF-8.
    let content: [UInt8]
    /// Whether the text of an answer leaves it out.
    let special: Bool
    /// The setting that makes its recognition depend on the text around it, which is not implemented; nil for none.
    let contextSetting: String?

    init(id: Int, content: String, special: Bool, contextSetting: String? = nil) {
        self.id = id
        self.content = Array(content.utf8)
        self.special = special
        self.contextSetting = contextSetting
    }

    /// Reads an entry of a file's list of added tokens.
    ///
    /// - Parameter id: where the entry does not hold it.
    /// - Returns: nil where it is none.
    init?(_ json: JSON, id: Int? = nil) {
        guard let id = id ?? json["id"]?.integer, let content = json["content"]?.string, !content.isEmpty else {
            return nil
        }
        self.init(
            id: id, content: content, special: json["special"]?.bool ?? false,
            contextSetting: ["lstrip", "rstrip", "single_word"].first { json[$0]?.bool == true })
    }

    var name: String { String(decoding: content, as: UTF8.self) }

    /// The text as a piece of a vocabulary has it: a space is U+2581.
    var piece: [UInt8] { content.flatMap { $0 == 0x20 ? [0xE2, 0x96, 0x81] : [$0] } }

    /// Why a token with a ``contextSetting`` is refused.
    var refusal: String {
        "adds the token '\(name)' with \(contextSetting ?? ""), which is not implemented; save the tokenizer without it"
    }
}

extension TokenizerFiles {
    /// Returns whether a token is never recognized in a text.
    func isControl(_ token: AddedToken) -> Bool { controlNames.contains(ExactText(token.name)) }
}
