import Base
import Tensor

/// Converts text to token ids and back with the vocabulary of a checkpoint.
///
/// It uses libsentencepiece, whether the checkpoint has a `tokenizer.model` or only a `tokenizer.json`. Control tokens
/// (`<bos>`, `<eos>`, `<pad>`, `<image>`, `<unk>`) are never recognized in a text: typed by a user they are split like any
/// other characters. Location and segmentation tokens (`<loc0000>`, `<seg000>`) are recognized.
package final class Tokenizer: Sendable {
    private let processor: SentencePieceProcessor
    /// Ids that have no text in an answer.
    private let silent: Set<Int32>
    /// Bytes of the longest piece: so many a token stands for at most.
    package let longestPieceBytes: Int

    /// Number of ids that have a piece. The vocabulary of the model may be padded to a larger size.
    package var pieceCount: Int { processor.count }

    /// Loads the tokenizer of a model directory and checks it against the model's configuration.
    ///
    /// - Throws: ``ModelError`` with the code `tokenizer`, where no usable tokenizer is there, or where it is not the
    ///   model's: other ids for the framing tokens, pieces missing below the image token, no location tokens.
    package init(directory: String, configuration: ModelConfiguration) throws(ModelError) {
        let files = try TokenizerFiles(ModelDirectory(directory))
        let (proto, path) = try Tokenizer.model(of: files, configuration)
        let processor = try Tokenizer.processor(proto, path)
        self.processor = processor
        var silent: Set<Int32> = []
        var longest = 1
        for id in 0..<processor.count {
            let (kind, piece) = (processor.kind(id), processor.piece(id))
            longest = max(longest, piece.utf8.count)
            if kind == .control || kind == .unknown || files.specialNames.contains(ExactText(piece)) {
                silent.insert(Int32(id))
            }
        }
        self.silent = silent
        longestPieceBytes = longest
        try check(against: configuration, path: path)
    }

    /// Returns the ids of a text, without anything before or after it.
    package func encode(_ text: String) -> [Int32] {
        guard let ids = processor.encode(text) else { preconditionFailure("libsentencepiece refused a valid string") }
        return ids
    }

    /// Returns the text of an answer. Control tokens and ids without a piece are left out, a space at the start is kept, and
    /// each byte that is not valid UTF-8 becomes a U+FFFD.
    package func decode(_ ids: [Int32]) -> String {
        var text = ""
        var bytes: [UInt8] = []
        func flush() {
            if bytes.isEmpty { return }
            text += String(validating: bytes, as: UTF8.self) ?? String(repeating: "\u{FFFD}", count: bytes.count)
            bytes.removeAll()
        }
        for id in ids where id >= 0 && id < processor.count && !silent.contains(id) {
            let piece = processor.piece(Int(id))
            if processor.kind(Int(id)) == .byte, let byte = TokenizerFile.byte(ofPiece: Array(piece.utf8)) {
                bytes.append(byte)
            } else {
                flush()
                text.unicodeScalars.append(contentsOf: piece.unicodeScalars.lazy.map { $0 == "\u{2581}" ? " " : $0 })
            }
        }
        flush()
        return text
    }

    /// Returns whether an id has no text, like the end token.
    package func isSilent(_ id: Int32) -> Bool { silent.contains(id) || id < 0 || id >= processor.count }

    /// Returns the piece of an id, in which a space is U+2581. Nil where the id has none.
    package func piece(_ id: Int32) -> String? {
        id >= 0 && id < processor.count ? processor.piece(Int(id)) : nil
    }
}

// MARK: Loading

extension Tokenizer {
    /// The 1024 location tokens and the 128 segmentation tokens.
    package static let locationTokens: [String] =
        (0..<1024).map { "<loc\(padded($0, to: 4))>" } + (0..<128).map { "<seg\(padded($0, to: 3))>" }

    private static func padded(_ number: Int, to digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }

    /// Returns the serialized model and the file that it was read from.
    private static func model(
        of files: TokenizerFiles, _ configuration: ModelConfiguration
    ) throws(ModelError) -> ([UInt8], String) {
        let (name, jsonName) = ("tokenizer.model", "tokenizer.json")
        let path = files.directory.file(name)
        if let proto = try files.directory.bytes(of: name, .tokenizer) {
            let base = try processor(proto, path)
            if let token = renamed(base, files) {
                // transformers takes tokenizer.json where there is one.
                guard files.directory.has(jsonName) else {
                    throw ModelError(
                        .tokenizer, at: path,
                        "has another piece at id \(token.id), which the files beside it call '\(token.name)'; is "
                            + "tokenizer.json missing?")
                }
            } else {
                return (proto + (try addedPieces(of: base, files, configuration)), path)
            }
        }
        let jsonPath = files.directory.file(jsonName)
        guard let file = try files.tokenizerFile() else {
            throw ModelError(.tokenizer, at: files.directory.path, "has neither tokenizer.model nor tokenizer.json")
        }
        do {
            return (try file.pieceModel(files).serialized, jsonPath)
        } catch {
            throw ModelError(.tokenizer, at: jsonPath, error.reason)
        }
    }

    /// Returns a token of the other files that has a piece of another text in the model; nil where there is none.
    private static func renamed(_ base: SentencePieceProcessor, _ files: TokenizerFiles) -> AddedToken? {
        files.addedTokens.values.filter { token in
            guard token.id >= 0, token.id < base.count else { return false }
            let piece = Array(base.piece(token.id).utf8)
            return piece != token.content && piece != token.piece
        }.min { $0.id < $1.id }
    }

    private static func processor(_ proto: [UInt8], _ path: String) throws(ModelError) -> SentencePieceProcessor {
        do {
            return try SentencePieceProcessor(proto)
        } catch {
            throw ModelError(.tokenizer, at: path, "is no SentencePiece model: \(error.reason)")
        }
    }

    /// Returns the serialized pieces of the tokens that other files of the checkpoint add to the model, below the image token or
    /// behind it, user-defined or control ones.
    private static func addedPieces(
        of base: SentencePieceProcessor, _ files: TokenizerFiles, _ configuration: ModelConfiguration
    ) throws(ModelError) -> [UInt8] {
        let image = configuration.imageToken
        let new = files.addedTokens.filter { $0.key >= base.count && $0.key != image }
        guard let last = new.keys.max() else { return [] }
        guard last < configuration.text.vocabulary else {
            throw ModelError(
                .tokenizer, at: files.directory.path,
                "adds the token '\(new[last]?.name ?? "")' with the id \(last), but the model has "
                    + "\(configuration.text.vocabulary) rows; resize its embeddings, and save it again")
        }
        if let token = new.values.first(where: { $0.contextSetting != nil && !files.isControl($0) }) {
            throw ModelError(.tokenizer, at: files.directory.path, token.refusal)
        }
        var known = Set((0..<base.count).map { Array(base.piece($0).utf8) })
        let pieces = (base.count...last).map { id -> PieceModel.Piece in
            if id == image {
                let content = files.addedTokens[id]?.piece ?? Array("<image>".utf8)
                return known.insert(content).inserted ? .init(text: content, kind: .control) : .unused(id)
            }
            guard let token = new[id], known.insert(token.piece).inserted else { return .unused(id) }
            return .init(text: token.piece, kind: files.isControl(token) ? .control : .userDefined)
        }
        return PieceModel.serialize(pieces)
    }

    private func check(against configuration: ModelConfiguration, path: String) throws(ModelError) {
        func refuse(_ reason: String) -> ModelError { ModelError(.tokenizer, at: path, reason) }
        let framing = [
            ("pad", configuration.padToken), ("end-of-text", configuration.endToken),
            ("begin-of-text", configuration.beginToken),
        ]
        for (name, id) in framing {
            guard id < processor.count, processor.kind(id) == .control else {
                let found = piece(Int32(id)).map { "'\($0)'" } ?? "nothing"
                throw refuse(
                    "has \(found) at id \(id), where config.json has the \(name) token; is it another model's?")
            }
        }
        if configuration.imageToken < processor.count, piece(Int32(configuration.imageToken)) != "<image>" {
            throw refuse(
                "has \(processor.count) pieces, but config.json puts the image token at id \(configuration.imageToken); "
                    + "is it another model's?")
        }
        let missing = Tokenizer.locationTokens.count { encode($0).count != 1 }
        let all = Tokenizer.locationTokens.count
        let expected = configuration.imageToken - processor.count >= all
        guard missing == 0 || missing == all && !expected else {
            throw refuse("lacks \(missing) of the \(all) <loc....> and <seg...> tokens; is tokenizer.json missing?")
        }
    }
}
