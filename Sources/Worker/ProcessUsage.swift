import Base
import Foundation

/// What this process has used so far, as the kernel counts it.
struct ProcessUsage {
    /// Seconds of all threads on processors.
    let processorSeconds: Double
    /// The largest resident size that this process ever had, the checkpoint's pages included, which ranks share.
    let peakBytes: Int

    init() {
        var usage = rusage()
        getrusage(__rusage_who_t(RUSAGE_SELF.rawValue), &usage)
        func seconds(_ time: timeval) -> Double { Double(time.tv_sec) + Double(time.tv_usec) / 1e6 }
        processorSeconds = seconds(usage.ru_utime) + seconds(usage.ru_stime)
        peakBytes = usage.ru_maxrss * 1024
    }

    /// Resident bytes of no file: buffers, caches of keys and values. They grow and stay.
    var privateBytes: Int {
        let line = Self.text("status").split(separator: "\n").first { $0.hasPrefix("RssAnon:") }
        let kilobytes = line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) }
        return (kilobytes ?? 0) * 1024
    }

    /// Seconds from the start of this process to `moment` (``Timeline/now()``), to a hundredth.
    func secondsFromStart(to moment: UInt64) -> Double {
        // The program's name, in parentheses, may hold spaces; after it, the start is the 20th field.
        let fields = Self.text("stat").split(separator: ")").last?.split(separator: " ") ?? []
        guard fields.count > 19, let ticks = Double(fields[19]) else { return 0 }
        var now = timespec()
        clock_gettime(CLOCK_BOOTTIME, &now)
        let age = Double(now.tv_sec) + Double(now.tv_nsec) / 1e9 - ticks / Double(sysconf(Int32(_SC_CLK_TCK)))
        return age - Double(Timeline.now() - moment) / 1e9
    }

    private static func text(_ name: String) -> Substring {
        let bytes = FileSystem.data(of: "/proc/self/\(name)") ?? Data()
        return Substring(String(decoding: bytes, as: UTF8.self))
    }
}
