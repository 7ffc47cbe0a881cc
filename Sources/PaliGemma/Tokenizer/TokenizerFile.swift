import Base

/// The parts of `tokenizer.json` that define a vocabulary.
struct TokenizerFile {
    let type: String?
    let byteFallback: Bool
    let unknownName: String?
    let vocabulary: [(piece: [UInt8], id: Int)]
    /// The pieces that the merges make, the earliest-learned first.
    let mergeResults: [[UInt8]]

    /// Returns nil where there is no vocabulary.
    init?(_ json: JSON) {
        guard let model = json["model"], let vocabulary = model["vocab"]?.object else { return nil }
        type = model["type"]?.string
        byteFallback = model["byte_fallback"]?.bool ?? false
        unknownName = model["unk_token"]?.string
        self.vocabulary = vocabulary.compactMap { member in
            member.value.integer.map { (Array(member.key.utf8), $0) }
        }
        // A pair is a list of two; older files write it as one string with a space between the two.
        mergeResults = (model["merges"]?.array ?? []).map { pair in
            if let text = pair.string { return text.utf8.filter { $0 != 0x20 } }
            return (pair.array ?? []).flatMap { Array(($0.string ?? "").utf8) }
        }
    }
}

extension TokenizerFile {
    /// This vocabulary as a SentencePiece model, so that one library tokenizes for every checkpoint.
    ///
    /// Scores fall with the rank of the merge that makes a piece: libsentencepiece then merges in the file's order.
    func pieceModel(_ files: TokenizerFiles) throws(SentencePieceProcessor.LoadError) -> PieceModel {
        guard type == nil || type == "BPE", byteFallback else {
            throw .init(reason: "only byte-pair vocabularies with byte_fallback are implemented")
        }
        var texts: [Int: [UInt8]] = [:]
        for (piece, id) in vocabulary { texts[id] = piece }
        let added = files.addedTokens
        for (id, token) in added { texts[id] = token.piece }
        // An image token that is the last one needs no piece: it is never recognized in a text and has no text.
        if let last = texts.keys.max(), added[last]?.name == "<image>" { texts[last] = nil }
        guard let last = texts.keys.max(), texts.keys.allSatisfy({ $0 >= 0 }), last / 2 < texts.count + 2048 else {
            throw .init(reason: "its ids do not run from 0 on")
        }
        if let token = added.values.first(where: { $0.contextSetting != nil && !files.isControl($0) }) {
            throw .init(reason: token.refusal)
        }
        let names = Names(
            unknown: Array((unknownName ?? files.unknownName).utf8),
            control: Set(files.controlNames.map { Array($0.text.utf8) }), userDefined: Set(added.values.map(\.piece)))
        var ranks: [[UInt8]: Int] = [:]
        for (rank, result) in mergeResults.enumerated() where ranks[result] == nil { ranks[result] = rank }

        var seen: Set<[UInt8]> = []
        let pieces = (0...last).map { id -> PieceModel.Piece in
            guard let text = texts[id], seen.insert(text).inserted else { return .unused(id) }
            if let byte = TokenizerFile.byte(at: id, in: texts) {
                return .init(text: TokenizerFile.bytePiece(byte), kind: .byte)
            }
            let kind = names.kind(of: text)
            return .init(text: text, score: kind == .normal ? -Float(ranks[text] ?? ranks.count) : 0, kind: kind)
        }
        return PieceModel(pieces: pieces)
    }

    private struct Names {
        let unknown: [UInt8]
        let control: Set<[UInt8]>
        let userDefined: Set<[UInt8]>

        func kind(of text: [UInt8]) -> PieceModel.Piece.Kind {
            if text == unknown { return .unknown }
            if control.contains(text) { return .control }
            return userDefined.contains(text) ? .userDefined : .normal
        }
    }

    /// Returns the byte that an id stands for, or nil for an ordinary piece. Some files write the piece of the tab character
    /// as the character itself; it is recognized by the ids beside it.
    private static func byte(at id: Int, in texts: [Int: [UInt8]]) -> UInt8? {
        guard let text = texts[id] else { return nil }
        if text == [0x09], texts[id - 1] == bytePiece(8), texts[id + 1] == bytePiece(10) { return 9 }
        return byte(ofPiece: text)
    }

    private static func bytePiece(_ byte: UInt8) -> [UInt8] {
        let digits = String(byte, radix: 16, uppercase: true)
        return Array("<0x\(digits.count == 1 ? "0" : "")\(digits)>".utf8)
    }

    /// Returns the byte that a piece like `<0x0A>` names.
    static func byte(ofPiece piece: [UInt8]) -> UInt8? {
        guard piece.count == 6, piece.holds("<0x"), piece[5] == UInt8(ascii: ">") else { return nil }
        return UInt8(String(decoding: piece[3..<5], as: UTF8.self), radix: 16)
    }
}
