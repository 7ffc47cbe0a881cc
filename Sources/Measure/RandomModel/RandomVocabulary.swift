import PaliGemma

/// A vocabulary of the public tokenizer's size and order, for models that have nothing to say: the framing tokens, the
/// newlines, the bytes, the places and segments where they belong, and short lower-case letter groups for the rest, so
/// that a prompt is about as many tokens as it would be.
enum RandomVocabulary {
    /// Gemma's 256,000 pieces, 1024 places, 128 segments.
    static let count = 257_152

    static var pieces: [PieceModel.Piece] {
        var pieces: [PieceModel.Piece] = ["<pad>", "<eos>", "<bos>"].map { piece($0, .control) }
        pieces.append(piece("<unk>", .unknown))
        pieces += ["<mask>", "<2mass>", "[@BOS@]"].map { piece($0, .userDefined) }
        pieces += (0..<99).map { piece("<unused\($0)>", .userDefined) }
        pieces += ["<start_of_turn>", "<end_of_turn>"].map { piece($0, .userDefined) }
        // Runs of newlines and of spaces; a single newline has the id 108.
        pieces += (1...31).map { piece(String(repeating: "\n", count: $0), .userDefined) }
        pieces += (2...31).map { piece(String(repeating: "\u{2581}", count: $0), .userDefined) }
        pieces += (0..<256).map { byte in
            let digits = String(byte, radix: 16, uppercase: true)
            return piece("<0x\(byte < 16 ? "0" : "")\(digits)>", .byte)
        }
        pieces += words(256_000 - pieces.count)
        pieces += Tokenizer.locationTokens.map { piece($0, .userDefined) }
        return pieces
    }

    /// Characters first, then longer and longer groups: each is made of two that stand before it, as merging needs it.
    private static func words(_ wanted: Int) -> [PieceModel.Piece] {
        let letters = "etaoinshrdlcumwfgypbvkjxqz".map(String.init)
        var words = (0x21...0x7E).compactMap { Unicode.Scalar($0).map { String(Character($0)) } } + ["\u{2581}"]
        words += letters.map { "\u{2581}" + $0 }
        var groups = letters
        while words.count < wanted {
            groups = groups.flatMap { group in letters.map { group + $0 } }
            words += groups
            words += groups.map { "\u{2581}" + $0 }
        }
        return words.prefix(wanted).enumerated().map { rank, word in
            PieceModel.Piece(text: Array(word.utf8), score: -Float(rank), kind: .normal)
        }
    }

    private static func piece(_ text: String, _ kind: PieceModel.Piece.Kind) -> PieceModel.Piece {
        PieceModel.Piece(text: Array(text.utf8), kind: kind)
    }
}
