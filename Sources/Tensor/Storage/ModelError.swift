/// Why a model directory (checkpoint, configuration, tokenizer, adapters, quantized weights) cannot be used. The text names
/// the file, what is wrong with it, and what to do. It is declared here because the lowest of its parts, the mapped
/// files, are here; the parts in the target PaliGemma throw it too.
package struct ModelError: Error, CustomStringConvertible, Equatable {
    package enum Code: String, Sendable {
        /// `config.json` is missing, is not JSON, or asks for something that is not implemented.
        case configuration
        /// A safetensors file or its index is missing, truncated or contradicts itself.
        case container
        /// A tensor is missing, unknown, or of another shape than the configuration asks for.
        case tensor
        /// The tokenizer does not fit the model.
        case tokenizer
        /// An adapter is not implemented, or belongs to another model.
        case adapter
        /// The int8 weights cannot be made, or their file is damaged.
        case quantized
    }

    package let code: Code
    /// The file or directory that is at fault.
    package let path: String
    package let reason: String

    package init(_ code: Code, at path: String, _ reason: String) {
        self.code = code
        self.path = path
        self.reason = reason
    }

    package var description: String { "\(path): \(reason)" }
}
