/// A vocabulary as SentencePiece's ModelProto describes it, and the few bytes of protobuf that it takes to write one.
///
/// Field numbers: `sentencepiece_model.proto` of the sentencepiece project.
package struct PieceModel {
    package struct Piece: Equatable {
        package enum Kind: UInt64 {
            case normal = 1
            case unknown, control, userDefined, unused, byte
        }

        /// UTF-8, in which a space is U+2581.
        var text: [UInt8]
        /// Among two neighbors that could merge, the pair with the higher score does.
        var score: Float = 0
        var kind: Kind

        package init(text: [UInt8], score: Float = 0, kind: Kind) {
            self.text = text
            self.score = score
            self.kind = kind
        }

        /// Holds the place of an id that stands for nothing.
        static func unused(_ id: Int) -> Piece { Piece(text: Array("<no token \(id)>".utf8), kind: .unused) }
    }

    var pieces: [Piece]

    package init(pieces: [Piece]) { self.pieces = pieces }

    /// A byte-pair model with byte fallback that leaves a text's characters and spaces as they are.
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

    /// The pieces alone. Behind another serialized model they are appended to its pieces: that is how protobuf reads a
    /// repeated field that comes in two parts.
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

/// Writes protobuf fields one after another.
struct ProtobufWriter {
    private(set) var bytes: [UInt8] = []

    mutating func write(field: UInt64, varint value: UInt64) {
        append(varint: field << 3)
        append(varint: value)
    }

    mutating func write(field: UInt64, float value: Float) {
        append(varint: field << 3 | 5)
        withUnsafeBytes(of: value.bitPattern.littleEndian) { bytes.append(contentsOf: $0) }
    }

    mutating func write(field: UInt64, bytes value: some Collection<UInt8>) {
        append(varint: field << 3 | 2)
        append(varint: UInt64(value.count))
        bytes.append(contentsOf: value)
    }

    private mutating func append(varint: UInt64) {
        var rest = varint
        while rest >= 0x80 {
            bytes.append(UInt8(rest & 0x7F) | 0x80)
            rest >>= 7
        }
        bytes.append(UInt8(rest))
    }
}
