import PaliGemma

extension Checkpoint {
    /// Returns the bytes of a weight as products of a precision read it, the maximum where the checkpoint stores
    /// weights in several ways.
    package func elementSize(in precision: Precision = .exact) -> Int {
        precision == .int8 ? 1 : tensors.values.map(\.entry.element.size).max() ?? 2
    }

    /// The bytes of all tensors.
    package var byteCount: Int { tensors.values.reduce(0) { $0 + $1.entry.range.count } }
}
