/// What becomes of the input of a linear layer.
package enum ActivationPrecision: Sendable {
    /// It stays as it is: products are as exact as float32.
    case float32
    /// It is rounded to bfloat16 where the processor multiplies such numbers faster
    /// (``Kernels/multipliesRounded(_:)``). Sums are float32.
    case bfloat16
}
