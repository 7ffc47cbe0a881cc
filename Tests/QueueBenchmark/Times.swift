import Base
import Foundation

/// Seconds that calls of one kind took, from any thread.
final class Times: Sendable {
    private let seconds = Locked<[Double]>([])

    func measure<Result>(_ body: () throws -> Result) rethrows -> Result {
        let start = ContinuousClock.now
        defer { add(start.duration(to: .now).inSeconds) }
        return try body()
    }

    func add(_ time: Double) { seconds.withLock { $0.append(time) } }

    var count: Int { seconds.withLock { $0.count } }
    var sum: Double { seconds.withLock { $0.reduce(0, +) } }

    /// `{"count", "median", "p99", "max"}`, in milliseconds.
    var json: String {
        let sorted = seconds.withLock { $0.sorted() }
        guard let last = sorted.last else { return "null" }
        func at(_ share: Double) -> String { milliseconds(sorted[Int(share * Double(sorted.count - 1))]) }
        return #"{"count":\#(sorted.count),"median":\#(at(0.5)),"p99":\#(at(0.99)),"max":\#(milliseconds(last))}"#
    }

    private func milliseconds(_ seconds: Double) -> String { String(format: "%.3f", seconds * 1000) }
}
