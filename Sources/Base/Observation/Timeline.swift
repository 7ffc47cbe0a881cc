import Foundation

/// Records what each thread of a rank did when, in Chrome's trace format, which Perfetto opens.
package final class Timeline: @unchecked Sendable {
    // @unchecked: every access to the events holds the lock.

    /// A named interval on one thread, in nanoseconds of the monotonic clock.
    private struct Event {
        let name: String
        let thread: String
        let start: UInt64
        let end: UInt64
        let detail: String
    }

    /// Maximum number of recorded events; later ones are dropped. They make about 14 MB of text, which one frame can
    /// carry.
    private static let maximumEvents = 80_000

    /// Nanoseconds below which a wait is not recorded: thousands of short waits would hide the others.
    package static let minimumWait: UInt64 = 50_000

    private let rank: Int
    private let lock = NSLock()
    private var events: [Event] = []
    /// The wall clock at the monotonic clock's zero, in µs: ranks of several hosts share no other clock.
    private let epoch: Double

    package init(rank: Int) {
        self.rank = rank
        epoch = Date().timeIntervalSince1970 * 1e6 - Double(Self.now()) / 1e3
    }

    /// Returns the time of the monotonic clock in nanoseconds.
    package static func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

    /// Records an event that began at `start` (``now()``) and ends now.
    package func record(_ name: String, thread: String, from start: UInt64, detail: String = "") {
        let event = Event(name: name, thread: thread, start: start, end: Self.now(), detail: detail)
        lock.withLock { if events.count < Self.maximumEvents { events.append(event) } }
    }

    /// Returns the events as comma-separated JSON objects. A trace file is `[`, the objects of all ranks, `]`.
    package func json() -> String {
        lock.withLock { events }.map { event in
            let begin = epoch + Double(event.start) / 1e3
            let duration = Double(event.end - event.start) / 1e3
            return """
                {"ph":"X","pid":\(rank),"tid":"\(event.thread)","name":"\(event.name)",\
                "ts":\(String(format: "%.1f", begin)),"dur":\(String(format: "%.1f", duration)),\
                "args":{"detail":"\(event.detail)"}}
                """
        }.joined(separator: ",\n")
    }
}

extension Timeline? {
    /// Runs `body` and records it as a named event, if there is a timeline.
    ///
    /// - Throws: what `body` throws.
    package func span<Result, Failure: Error>(
        _ name: String, thread: String, detail: @autoclosure () -> String = "",
        _ body: () throws(Failure) -> Result
    ) throws(Failure) -> Result {
        guard let self else { return try body() }
        let start = Timeline.now()
        defer { self.record(name, thread: thread, from: start, detail: detail()) }
        return try body()
    }
}
