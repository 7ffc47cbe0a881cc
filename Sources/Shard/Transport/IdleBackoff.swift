import Foundation

/// How a main thread without work waits without taking a core from a rank that computes: it spins for a short time,
/// then sleeps on its event count, longer each time.
///
/// While the stage's thread waits for a collective the sleeps stay short, or the main thread spins on where cores would
/// be idle. Where every transfer notifies the event count, sleeps may be long.
struct IdleBackoff {
    /// Nanoseconds.
    private static let spin: UInt64 = 20_000
    private static let spinOnIdleCores: UInt64 = 500_000
    /// Seconds.
    private static let shortestSleep = 50e-6
    private static let shortestNotifiedSleep = 1e-3

    private let isNotifiedOfAllTransfers: Bool
    private var idleSince: UInt64?
    private var sleep = Self.shortestSleep

    init(isNotifiedOfAllTransfers: Bool) { self.isNotifiedOfAllTransfers = isNotifiedOfAllTransfers }

    /// To be called when there was work.
    mutating func reset() {
        idleSince = nil
        sleep = isNotifiedOfAllTransfers ? Self.shortestNotifiedSleep : Self.shortestSleep
    }

    /// Spins or sleeps once.
    ///
    /// - Parameters:
    ///   - seen: The value of the event count before the caller looked for work.
    ///   - isTransferring: Whether a transfer of this rank is running.
    mutating func pause(_ outbox: RankOutbox, seen: UInt32, isTransferring: Bool) {
        let isAwaited = outbox.isAwaited
        if !isNotifiedOfAllTransfers || outbox.hasIdleCores {
            let now = DispatchTime.now().uptimeNanoseconds
            guard let idleSince else {
                self.idleSince = now
                return
            }
            if now - idleSince < (isAwaited && outbox.hasIdleCores ? Self.spinOnIdleCores : Self.spin) { return }
        }
        if isAwaited, !isNotifiedOfAllTransfers { sleep = min(sleep, Self.shortestSleep) }
        outbox.eventCounts.wait(seen: seen, seconds: sleep)
        let longest =
            isNotifiedOfAllTransfers ? 4e-3 : isAwaited ? Self.shortestSleep : isTransferring ? 500e-6 : 1e-3
        sleep = min(sleep * 1.5, longest)
    }
}
