import Base
import Queue
import ShardPlan

/// Adds up how long each rank had something to do, from the orders that it gets and its replies. Rank 0 knows both, so nothing
/// more has to travel for it. Times are nanoseconds of the monotonic clock.
package struct StageClock {
    package enum Order {
        case prefill, decode
    }

    private struct Sums {
        var vision: [UInt64]
        var prefill: UInt64 = 0
        var decode: UInt64 = 0
    }

    private let plan: ShardPlan
    private var sums: Sums
    /// The micro-batches that each vision rank has.
    private var encoding: [Int]
    private var batchRanks: [UInt64: Int] = [:]
    private var order: Order?
    /// Until when `sums` count.
    private var counted: UInt64
    /// What was counted at earlier times, the oldest first.
    private var marks: [(time: UInt64, sums: Sums)]

    /// How many stretches of time a report goes back.
    private static let maximumMarks = 6

    package init(plan: ShardPlan, now: UInt64) {
        self.plan = plan
        sums = Sums(vision: Array(repeating: 0, count: plan.visionRanks))
        encoding = Array(repeating: 0, count: plan.visionRanks)
        counted = now
        marks = [(now, sums)]
    }

    package mutating func beginEncoding(_ batch: UInt64, rank: Int, now: UInt64) {
        advance(to: now)
        guard encoding.indices.contains(rank), batchRanks.updateValue(rank, forKey: batch) == nil else { return }
        encoding[rank] += 1
    }

    package mutating func endEncoding(_ batch: UInt64, now: UInt64) {
        advance(to: now)
        if let rank = batchRanks.removeValue(forKey: batch) { encoding[rank] -= 1 }
    }

    package mutating func begin(_ order: Order, now: UInt64) {
        advance(to: now)
        self.order = order
    }

    package mutating func endOrder(now: UInt64) {
        advance(to: now)
        order = nil
    }

    private mutating func advance(to now: UInt64) {
        guard now > counted else { return }
        let passed = now - counted
        counted = now
        switch order {
        case .prefill?: sums.prefill += passed
        case .decode?: sums.decode += passed
        case nil: break
        }
        for rank in encoding.indices where encoding[rank] > 0 {
            // A rank with both stages does one thing at a time.
            if plan.holdsText(rank), order != nil { continue }
            sums.vision[rank] += passed
        }
    }

    /// Returns how the ranks spent the time since the call before the last few.
    package mutating func report(now: UInt64) -> RankTimes {
        advance(to: now)
        let start = marks[0]
        marks.append((counted, sums))
        if marks.count > Self.maximumMarks { marks.removeFirst() }
        func seconds(_ later: UInt64, _ earlier: UInt64) -> Double { Double(later - earlier) / 1e9 }
        let ranks = (0..<plan.ranks).map { rank in
            let holdsText = plan.holdsText(rank)
            return RankTimes.Rank(
                vision: plan.encodesPictures(rank) ? seconds(sums.vision[rank], start.sums.vision[rank]) : nil,
                prefill: holdsText ? seconds(sums.prefill, start.sums.prefill) : nil,
                decode: holdsText ? seconds(sums.decode, start.sums.decode) : nil)
        }
        return RankTimes(seconds: seconds(counted, start.time), ranks: ranks)
    }
}
