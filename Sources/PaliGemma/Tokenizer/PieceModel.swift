/// A vocabulary in the form of SentencePiece's ModelProto, which it can be serialized to.
///
/// The field numbers are those of `sentencepiece_model.proto` of the sentencepiece project.
package struct PieceModel {
    /// An entry of the vocabulary; its index is its token id.
    package struct Piece: Equatable {
        package enum Kind: UInt64 {
            case normal = 1
            case unknown, control, userDefined, unused, byte
        }

        /// UTF-8, in which a space is U+2581.
        var text: [UInt8]
        /// Of all pairs of neighbors that could merge, the pair whose piece has the highest score merges first.
        var score: Float = 0
        var kind: Kind

        package init(text: [UInt8], score: Float = 0, kind: Kind) {
            self.text = text
            self.score = score
            self.kind = kind
        }

        /// Returns the piece of an id that no token has.
        static func unused(_ id: Int) -> Piece { Piece(text: Array("<no token \(id)>".utf8), kind: .unused) }
    }

    var pieces: [Piece]

    package init(pieces: [Piece]) { self.pieces = pieces }

    /// The bytes of a ModelProto: a byte-pair model with byte fallback that does not normalize characters or spaces.
    package var serialized: [UInt8] {
        var trainer = ProtobufWriter()
        trainer.write(field: 3, varint: 2)  // model_type: BPE
        trainer.write(field: 35, varint: 1)  // byte_fallback
        var normalizer = ProtobufWriter()
        normalizer.write(field: 1, bytes: "identity".utf8)
        normalizer.write(field: 3, varint: 0)  // add_dummy_prefix
        normalizer.write(field: 4, varint: 0)  // remove_extra_whitespaces
        normalizer.write(field: 5, varint: 1)  // escape_whitespaces
        var model = ProtobufWriter()
        model.write(field: 2, bytes: trainer.bytes)
        model.write(field: 3, bytes: normalizer.bytes)
        return PieceModel.serialize(pieces) + model.bytes
    }

    /// Returns the bytes of the field `pieces` alone. Appended to another serialized model they extend its pieces, because
    /// protobuf concatenates the parts of a repeated field.
    static func serialize(_ pieces: [Piece]) -> [UInt8] {
        var list = ProtobufWriter()
        for piece in pieces {
            var message = ProtobufWriter()
            message.write(field: 1, bytes: piece.text)
            message.write(field: 2, float: piece.score)
            message.write(field: 3, varint: piece.kind.rawValue)
            list.write(field: 1, bytes: message.bytes)
        }
        return list.bytes
    }
}
