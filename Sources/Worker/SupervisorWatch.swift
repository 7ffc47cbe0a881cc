import Base
import Foundation

/// Watches whether the supervisor of this world still lives, where it is on the same host. When it is killed the kernel
/// tells mpirun, which tells the ranks; but an mpirun that is only just starting passes nothing on.
struct SupervisorWatch {
    private static let interval: UInt64 = 1_000_000_000
    private let process: pid_t
    private var next = Timeline.now()
    private var wasGone = false

    /// - Parameter world: the name that a supervisor gives, "host:process.number"; nil for other names and for none.
    init?(world: String?, host: String) {
        guard let parts = world?.split(separator: ":"), parts.count == 2, parts[0] == host,
            let process = parts[1].split(separator: ".").first.flatMap({ pid_t($0) })
        else { return nil }
        self.process = process
    }

    /// True once, when it has gone; looks once a second.
    var isGone: Bool {
        mutating get {
            let now = Timeline.now()
            guard !wasGone, now >= next else { return false }
            next = now + Self.interval
            wasGone = kill(process, 0) != 0 && errno == ESRCH
            return wasGone
        }
    }
}
