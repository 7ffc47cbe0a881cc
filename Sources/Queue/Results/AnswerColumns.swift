/// Tokens and log-probabilities of an answer as the bytes of a column: little-endian int32 and float32.
enum AnswerColumns {
    static func bytes(ofTokens tokens: [Int32]) -> [UInt8] { bytes(tokens.map(\.littleEndian)) }

    static func bytes(ofLogprobs logprobs: [Float]) -> [UInt8] { bytes(logprobs.map(\.bitPattern.littleEndian)) }

    static func tokens(_ bytes: [UInt8]) -> [Int32] { numbers(bytes).map(Int32.init(littleEndian:)) }

    static func logprobs(_ bytes: [UInt8]) -> [Float] {
        numbers(bytes).map { Float(bitPattern: UInt32(littleEndian: $0)) }
    }

    private static func bytes(_ numbers: [some BitwiseCopyable]) -> [UInt8] {
        numbers.withUnsafeBytes { Array($0) }
    }

    private static func numbers<Number: BitwiseCopyable>(_ bytes: [UInt8]) -> [Number] {
        bytes.withUnsafeBytes { raw in
            stride(from: 0, to: raw.count - raw.count % MemoryLayout<Number>.size, by: MemoryLayout<Number>.size).map {
                raw.loadUnaligned(fromByteOffset: $0, as: Number.self)
            }
        }
    }
}
