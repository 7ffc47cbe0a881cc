import Base
import Tensor

/// The JSON files that a checkpoint has beside or instead of `tokenizer.model`. All are optional.
struct TokenizerFiles {
    let directory: ModelDirectory

    /// Names of the control tokens and of other tokens without text, as `tokenizer_config.json` lists them, completed by the
    /// defaults of the tokenizer class of transformers.
    private(set) var specialNames = Set(["<pad>", "<eos>", "<bos>", "<unk>", "<mask>", "<image>"].map(ExactText.init))
    private(set) var unknownName = "<unk>"
    /// Names of the tokens that are never recognized in a text.
    private(set) var controlNames = Set(["<image>", "<pad>", "<eos>", "<bos>"].map(ExactText.init))
    /// The tokens that the files add or mark, by id; where files disagree, as `tokenizer_config.json` has them.
    private(set) var addedTokens: [Int: AddedToken] = [:]

    private static let fileName = "tokenizer.json"

    /// Reads the files of a model directory.
    ///
    /// - Throws: ``ModelError`` with the code `tokenizer` where a file is malformed.
    init(_ directory: ModelDirectory) throws(ModelError) {
        self.directory = directory
        let config = try directory.json("tokenizer_config.json", .tokenizer)
        if let config { readNames(config) }
        // Tokens of tokenizer.json first; the smaller files, which are read by transformers later, replace them.
        if let bytes = try directory.bytes(of: Self.fileName, .tokenizer) { try addTokens(of: bytes) }
        for member in try directory.json("added_tokens.json", .tokenizer)?.object ?? [] {
            guard let id = member.value.integer else { continue }
            let special = specialNames.contains(ExactText(member.key)) || addedTokens[id]?.special == true
            addedTokens[id] = AddedToken(id: id, content: member.key, special: special)
        }
        for member in config?["added_tokens_decoder"]?.object ?? [] {
            guard let id = Int(member.key), let token = AddedToken(member.value, id: id) else { continue }
            addedTokens[id] = token
        }
        specialNames.formUnion(addedTokens.values.lazy.filter(\.special).map { ExactText($0.name) })
    }

    /// Reads the keys of `tokenizer_config.json` that name tokens.
    private mutating func readNames(_ config: JSON) {
        func name(_ token: JSON?) -> String? { token?.string ?? token?["content"]?.string }
        unknownName = name(config["unk_token"]) ?? unknownName
        let framing = ["pad_token", "eos_token", "bos_token"].compactMap { name(config[$0]) }
        controlNames.formUnion(framing.map(ExactText.init))
        var silent = framing + [unknownName] + [name(config["mask_token"])].compactMap(\.self)
        for key in ["extra_special_tokens", "additional_special_tokens"] {
            // A list of tokens, or an object whose values are tokens.
            let tokens = config[key]?.array ?? config[key]?.object?.map(\.value) ?? []
            silent += tokens.compactMap(name)
        }
        specialNames.formUnion(silent.map(ExactText.init))
    }

    /// Reads the added tokens of `tokenizer.json` alone; its vocabulary is large.
    private mutating func addTokens(of bytes: [UInt8]) throws(ModelError) {
        do throws(JSON.SyntaxError) {
            for entry in try JSON(member: "added_tokens", of: bytes)?.array ?? [] {
                guard let token = AddedToken(entry) else { continue }
                addedTokens[token.id] = token
            }
        } catch {
            throw ModelError(
                .tokenizer, at: directory.file(Self.fileName),
                "is not valid JSON at byte \(error.offset): \(error.reason)")
        }
    }

    /// Reads `tokenizer.json`. Returns nil where there is no such file.
    ///
    /// - Throws: ``ModelError`` with the code `tokenizer` where it is malformed.
    func tokenizerFile() throws(ModelError) -> TokenizerFile? {
        guard let json = try directory.json(Self.fileName, .tokenizer) else { return nil }
        guard let file = TokenizerFile(json) else {
            throw ModelError(
                .tokenizer, at: directory.file(Self.fileName), "is no tokenizer's file: it has no vocabulary")
        }
        return file
    }
}
