/// Why a model directory cannot be used. The text names the file, what is wrong with it, and what to do.
package struct ModelError: Error, CustomStringConvertible, Equatable {
    package enum Code: String, Sendable {
        /// `config.json` is missing, is not JSON, or asks for something this program does not implement.
        case configuration
        /// A safetensors file or its index is missing, torn or contradicts itself.
        case container
        /// A tensor is missing, unknown, or of another shape than the configuration asks for.
        case tensor
        /// The tokenizer does not fit the model.
        case tokenizer
        /// An adapter is none that can be used, or belongs to another model.
        case adapter
        /// The weights of eight bits cannot be made, or their file is damaged.
        case quantized
    }

    package let code: Code
    package let path: String
    package let reason: String

    package init(_ code: Code, at path: String, _ reason: String) {
        self.code = code
        self.path = path
        self.reason = reason
    }

    package var description: String { "\(path): \(reason)" }
}
