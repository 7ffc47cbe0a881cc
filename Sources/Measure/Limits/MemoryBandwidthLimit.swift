import Base
import CMemoryRead
import Foundation
import Tensor

/// Measures the highest rate at which plain loads read memory on these cores.
package enum MemoryBandwidthLimit {
    /// Reads a large buffer again and again.
    ///
    /// - Parameter seconds: the approximate time of the measurement; at least one pass is made.
    /// - Returns: the rate of the fastest pass in GB/s; nil where there is not enough memory.
    package static func measure(threads: Int, seconds: Double) -> Double? {
        // Much more than all caches hold, so that a pass finds next to nothing of the pass before it, and long enough
        // that a short burst does not decide the result.
        let bytes = min(max(1 << 30, 16 * lastLevelCacheBytes), MachineLimits.current.memory / 2)
        guard let memory = mmap(nil, bytes, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0),
            memory != MAP_FAILED
        else { return nil }
        defer { munmap(memory, bytes) }
        madvise(memory, bytes, MADV_HUGEPAGE)
        let team = ThreadTeam(count: threads)
        let part = bytes / threads / 256 * 256
        let start = UInt(bitPattern: memory)
        // Pages have to be written: the kernel maps all untouched ones to one page of zeros.
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

    /// Size of all last-level caches together, as the kernel describes them; 0 where it does not.
    private static var lastLevelCacheBytes: Int {
        let folder = "/sys/devices/system/cpu"
        let cores = (try? FileSystem.names(in: folder)) ?? []
        var caches: [String: Int] = [:]
        for core in cores where Int(core.dropFirst(3)) != nil {
            // A cache is listed once for every core that shares it.
            guard let sharing = text("\(folder)/\(core)/cache/index3/shared_cpu_list"),
                let size = text("\(folder)/\(core)/cache/index3/size"), size.hasSuffix("K")
            else { continue }
            caches[sharing] = (Int(size.dropLast()) ?? 0) << 10
        }
        return caches.values.reduce(0, +)
    }

    private static func text(_ path: String) -> String? {
        FileSystem.data(of: path).map {
            String(decoding: $0, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        }
    }
}
