import Base
import Foundation
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

    /// Number of ids that have a piece. The vocabulary of the model may be padded to a larger size.
    package var pieceCount: Int { processor.count }

    /// Loads the tokenizer of a model directory and checks it against the model's configuration.
    ///
    /// - Throws: ``ModelError`` with the code `tokenizer`, where no usable tokenizer is there, or where it is not the
    ///   model's: other ids for the framing tokens, pieces missing below the image token, no location tokens.
    package init(directory: String, configuration: ModelConfiguration) throws(ModelError) {
        let files = try TokenizerFiles(directory: directory)
        let (proto, path) = try Tokenizer.model(of: files, covering: configuration.imageToken)
        let processor: SentencePieceProcessor
        do {
            processor = try SentencePieceProcessor(proto)
        } catch {
            throw ModelError(.tokenizer, at: path, "is no SentencePiece model: \(error.reason)")
        }
        self.processor = processor
        var silent: Set<Int32> = []
        for id in 0..<processor.count {
            let kind = processor.kind(id)
            if kind == .control || kind == .unknown || files.specialNames.contains(processor.piece(id)) {
                silent.insert(Int32(id))
            }
        }
        self.silent = silent
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

    /// Returns the serialized model and the file that it was read from. `imageToken` is the first id that needs no piece.
    private static func model(of files: TokenizerFiles, covering imageToken: Int) throws(ModelError) -> (
        [UInt8], String
    ) {
        let path = files.directory + "/tokenizer.model"
        if let data = FileSystem.data(of: path) {
            return (try extended([UInt8](data), files, path: path, covering: imageToken), path)
        }
        let jsonPath = files.directory + "/tokenizer.json"
        guard let file = try files.tokenizerFile() else {
            throw ModelError(.tokenizer, at: files.directory, "has neither tokenizer.model nor tokenizer.json")
        }
        do {
            return (try file.pieceModel(files).serialized, jsonPath)
        } catch {
            throw ModelError(.tokenizer, at: jsonPath, error.reason)
        }
    }

    /// Returns the model extended by the tokens below the image token that other files of the checkpoint add to it, as
    /// user-defined or control pieces.
    private static func extended(
        _ proto: [UInt8], _ files: TokenizerFiles, path: String, covering imageToken: Int
    ) throws(ModelError) -> [UInt8] {
        guard let base = try? SentencePieceProcessor(proto), base.count < imageToken else { return proto }
        let wanted = base.count..<imageToken
        var tokens: [Int: [UInt8]] = [:]
        var candidates = files.addedTokens
        if candidates.count(where: { wanted.contains($0.id) }) < wanted.count {
            candidates += try files.tokenizerFile()?.addedTokens ?? []
        }
        for token in candidates where wanted.contains(token.id) { tokens[token.id] = token.content }
        guard let last = tokens.keys.max() else { return proto }
        let known = Set((0..<base.count).map { Array(base.piece($0).utf8) })
        let control = Set(files.controlNames.map { Array($0.utf8) })
        let pieces = (base.count...last).map { id -> PieceModel.Piece in
            guard let text = tokens[id], !known.contains(text) else { return .unused(id) }
            return .init(text: text, kind: control.contains(text) ? .control : .userDefined)
        }
        return proto + PieceModel.serialize(pieces)
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
