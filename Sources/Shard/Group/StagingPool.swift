/// Memory of transfers, kept for the next ones. Used on the compute thread only.
final class StagingPool {
    private var free: [UnsafeMutableRawBufferPointer] = []

    /// Returns the smallest buffer that is large enough.
    func take(bytes: Int) -> UnsafeMutableRawBufferPointer {
        let best = free.indices.filter { free[$0].count >= bytes }.min { free[$0].count < free[$1].count }
        if let best { return free.remove(at: best) }
        return .allocate(byteCount: max(bytes, 64), alignment: 64)
    }

    /// Takes a buffer back.
    func give(_ memory: UnsafeMutableRawBufferPointer) { free.append(memory) }

    deinit { for memory in free { memory.deallocate() } }
}
