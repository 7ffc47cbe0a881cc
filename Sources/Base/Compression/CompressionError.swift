/// Why bytes cannot be compressed or decompressed.
package struct CompressionError: Error, CustomStringConvertible, Equatable {
    package enum Code: String, Sendable {
        /// The compressed bytes end before their content does.
        case truncated
        /// The bytes are not what the method writes, or their checksum is wrong.
        case damaged
        /// The content is larger than was announced, or than may be taken into memory.
        case tooLarge = "too_large"
    }

    package let code: Code
    /// "gzip" or "zstd".
    package let method: String
    package let reason: String

    package var description: String { "the \(method) data \(reason)" }

    static func truncated(_ method: String) -> CompressionError {
        CompressionError(code: .truncated, method: method, reason: "end before their content does: the file is cut")
    }

    static func damaged(_ method: String, _ detail: String) -> CompressionError {
        CompressionError(code: .damaged, method: method, reason: "are damaged: \(detail)")
    }
}
