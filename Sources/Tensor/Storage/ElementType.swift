/// How a checkpoint stores its numbers; the raw values are the names in safetensors headers.
package enum ElementType: String, Sendable, CaseIterable {
    case float32 = "F32"
    case bfloat16 = "BF16"
    case float16 = "F16"

    /// Bytes of one number.
    package var size: Int { self == .float32 ? 4 : 2 }
}
