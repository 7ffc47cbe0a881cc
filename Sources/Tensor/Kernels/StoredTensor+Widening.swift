extension StoredTensor {
    /// Returns all numbers of the tensor, widened to float32.
    package func widened() -> [Float] {
        let count = entry.range.count / entry.element.size
        return [Float](unsafeUninitializedCapacity: count) { buffer, initialized in
            if let base = buffer.baseAddress {
                Kernels.current.table.pointee.widen(
                    entry.element.code, mapping.start + entry.range.lowerBound, base, count)
            }
            initialized = count
        }
    }
}
