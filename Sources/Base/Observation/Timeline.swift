import Foundation

/// What each thread of a rank did when, in Chrome's trace format (opens in Perfetto).
package final class Timeline: @unchecked Sendable {
    // @unchecked: every access to the events holds the lock.

    /// A named stretch of time on one thread.
    private struct Event {
        let name: String
        let thread: String
        let start: UInt64
        let end: UInt64
        let detail: String
    }

    /// Events that are kept, the first ones: about 14 MB of text, which still fits into one frame.
    private static let mostEvents = 80_000

    /// Nanoseconds below which a wait is not worth an event: thousands of them would hide the others.
    package static let shortestWait: UInt64 = 50_000

    private let rank: Int
    private let lock = NSLock()
    private var events: [Event] = []
    /// The wall clock at the monotonic clock's zero, in µs: ranks of several hosts share no other clock.
    private let epoch: Double

    package init(rank: Int) {
        self.rank = rank
        epoch = Date().timeIntervalSince1970 * 1e6 - Double(Self.now()) / 1e3
    }

    /// Nanoseconds of the monotonic clock.
    package static func now() -> UInt64 { DispatchTime.now().uptimeNanoseconds }

    package func record(_ name: String, thread: String, from start: UInt64, detail: String = "") {
        let event = Event(name: name, thread: thread, start: start, end: Self.now(), detail: detail)
        lock.withLock { if events.count < Self.mostEvents { events.append(event) } }
    }

    /// The events as comma-separated JSON objects; the whole file is `[` these of all ranks `]`.
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
    /// Runs `body` as a named event, where a timeline is kept.
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
