import CMemoryRead
import Glibc

/// The most that plain loads read from memory on these cores.
package enum MemoryCeiling {
    /// Far more than any cache holds.
    private static let bytes = 1 << 30

    /// - Returns: GB/s; nil where there is no gigabyte to be had.
    package static func measure(threads: Int, seconds: Double) -> Double? {
        guard let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != MAP_FAILED
        else { return nil }
        defer { munmap(memory, bytes) }
        madvise(memory, bytes, MADV_HUGEPAGE)
        let team = ThreadTeam(count: threads)
        let part = bytes / threads / 256 * 256
        let start = UInt(bitPattern: memory)
        // Pages that were never written are all the same page of zeros.
        team.run(threads) { task, _ in
            _ = UnsafeMutableRawPointer(bitPattern: start).map { memset($0 + task * part, 1, part) }
        }

        let begin = Timeline.now()
        var best = 0.0
        repeat {
            let passStart = Timeline.now()
            team.run(threads) { task, _ in
                _ = pg_read_memory(UnsafeRawPointer(bitPattern: start).map { $0 + task * part }, part)
            }
            best = max(best, Double(part * threads) / Double(max(Timeline.now() - passStart, 1)))
        } while Double(Timeline.now() - begin) / 1e9 < seconds
        return best
    }
}
