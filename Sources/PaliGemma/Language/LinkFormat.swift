/// How activations travel between the ranks of a group.
package enum LinkFormat: String, CaseIterable, Sendable {
    /// As they are.
    case float32 = "f32"
    /// Rounded to the nearest bfloat16 (half the bytes), and widened on arrival.
    case bfloat16 = "bf16"
}
