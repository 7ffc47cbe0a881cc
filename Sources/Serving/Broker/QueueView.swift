import Foundation
import Queue

/// What a service knows of its queue, as it was a moment ago.
package struct QueueView: Sendable {
    package var counts = JobCounts()
    /// Jobs finished a second, over the last minute.
    package var rate = 0.0
    /// What ``rate`` was in the last hour, a figure every half minute, the oldest first.
    package var pastRates: [Double] = []
    package var model: String?
    /// The worlds that were seen lately.
    package var worlds: [SeenWorld] = []
    /// Whether the queue answered the last time.
    package var isReachable = false
    /// Whether it answered ever.
    package var isKnown = false

    /// A world that says nothing for so long is counted as gone.
    private static let longestSilence = Duration.seconds(30)

    init() {}

    init(of queue: any JobQueue) throws(QueueError) {
        counts = try queue.counts()
        rate = try queue.recentRate()
        model = try queue.modelName()
        worlds = try queue.worlds().filter { $0.age <= Self.longestSilence }
        (isReachable, isKnown) = (true, true)
    }

    /// The seconds until everything is answered at the present rate; nil where that is not known.
    package var secondsLeft: Double? {
        counts.outstanding == 0 ? 0 : rate > 0 ? Double(counts.outstanding) / rate : nil
    }

    /// The adapters that some world has.
    package var adapters: [String] { Set(worlds.flatMap(\.record.adapters)).sorted() }
}
