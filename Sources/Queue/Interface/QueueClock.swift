import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// The clock by which leases expire.
package protocol QueueClock: Sendable {
    /// Identifies the boot of the machine: a deadline of another boot has passed.
    var bootID: String { get }
    /// Returns the nanoseconds since the machine started, with sleep. It cannot be set back, as the wall clock can.
    func bootNanoseconds() -> Int64
    /// Returns the nanoseconds since 1970, for people to read; nothing is decided by it.
    func wallNanoseconds() -> Int64
}

/// Linux's CLOCK_BOOTTIME, the same for all processes of a machine.
package struct BootClock: QueueClock {
    package let bootID: String

    package init() {
        let text = try? String(contentsOfFile: "/proc/sys/kernel/random/boot_id", encoding: .utf8)
        bootID = text?.trimmingCharacters(in: .whitespacesAndNewlines) ?? "unknown"
    }

    package func bootNanoseconds() -> Int64 { Self.read(CLOCK_BOOTTIME) }
    package func wallNanoseconds() -> Int64 { Self.read(CLOCK_REALTIME) }

    private static func read(_ clock: clockid_t) -> Int64 {
        var time = timespec()
        clock_gettime(clock, &time)
        return Int64(time.tv_sec) * 1_000_000_000 + Int64(time.tv_nsec)
    }
}

extension Duration {
    /// The duration in seconds, with its fraction.
    package var inSeconds: Double { Double(components.seconds) + Double(components.attoseconds) * 1e-18 }

    /// The duration in nanoseconds, rounded towards zero; what does not fit is cut.
    package var nanoseconds: Int64 {
        let (seconds, attoseconds) = components
        let (whole, overflow) = seconds.multipliedReportingOverflow(by: 1_000_000_000)
        return overflow ? (seconds < 0 ? .min : .max) / 4 : whole + attoseconds / 1_000_000_000
    }
}
