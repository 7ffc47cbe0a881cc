/// Buffers for transfers, which are reused. Used on the compute thread only.
final class StagingPool {
    private var free: [UnsafeMutableRawBufferPointer] = []

    /// Takes the smallest free buffer that is large enough, or allocates one. It is aligned to 64 bytes.
    ///
    /// - Parameter bytes: the size that is needed; the buffer may be larger.
    func take(bytes: Int) -> UnsafeMutableRawBufferPointer {
        let best = free.indices.filter { free[$0].count >= bytes }.min { free[$0].count < free[$1].count }
        if let best { return free.remove(at: best) }
        return .allocate(byteCount: max(bytes, 64), alignment: 64)
    }

    /// Puts a buffer back, for later transfers.
    func put(_ memory: UnsafeMutableRawBufferPointer) { free.append(memory) }

    deinit { for memory in free { memory.deallocate() } }
}
