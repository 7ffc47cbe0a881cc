import PaliGemma

/// A vocabulary with the size and order of the public tokenizer, for random models: framing tokens, newlines, bytes,
/// location and segmentation tokens at their ids, and short groups of lower-case letters for the rest, so that a prompt
/// has about as many tokens as with the real one.
enum RandomVocabulary {
    /// Gemma's 256,000 pieces, 1024 location tokens, 128 segmentation tokens.
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

    /// Characters first, then longer and longer groups. Byte-pair merging needs every group to be made of two earlier
    /// pieces.
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
