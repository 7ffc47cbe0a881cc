import Coordinator
import PaliGemma
import Queue
import ShardPlan
import Testing

@Suite("How ranks spend their time, as rank 0 sees it") struct StageClockTests {
    private static let second: UInt64 = 1_000_000_000

    private func plan(_ ranks: Int, vision: Int) throws -> ShardPlan {
        let model = ModelConfiguration(
            vision: VisionConfiguration(width: 1152, mlpWidth: 4304, layers: 27, heads: 16, patch: 14, imageSize: 224),
            text: TextConfiguration(
                width: 2048, mlpWidth: 16384, layers: 18, heads: 8, keyValueHeads: 1, headWidth: 256,
                vocabulary: 257_216),
            imageToken: 257_152)
        return try ShardPlan(ranks: ranks, configuration: model, visionRanks: vision)
    }

    @Test("A vision rank works from its first micro-batch to the end of its last, the others from order to reply")
    func stages() throws {
        var clock = StageClock(plan: try plan(3, vision: 2), now: 0)
        clock.beginEncoding(1, rank: 0, now: 1 * Self.second)
        clock.beginEncoding(2, rank: 0, now: 2 * Self.second)
        clock.beginEncoding(3, rank: 1, now: 3 * Self.second)
        clock.endEncoding(1, now: 4 * Self.second)
        clock.begin(.prefill, now: 4 * Self.second)
        clock.endEncoding(2, now: 5 * Self.second)
        clock.endOrder(now: 6 * Self.second)
        clock.begin(.decode, now: 6 * Self.second)
        clock.endOrder(now: 7 * Self.second)
        // A reply that belongs to nothing changes nothing.
        clock.endEncoding(9, now: 7 * Self.second)
        let times = clock.report(now: 10 * Self.second)
        #expect(times.seconds == 10)
        #expect(
            times.ranks == [
                .init(vision: 4, prefill: nil, decode: nil), .init(vision: 7, prefill: nil, decode: nil),
                .init(vision: nil, prefill: 2, decode: 1),
            ])
        #expect(times.ranks.map { $0.idle(of: 10) } == [6, 3, 7])
    }

    @Test("A rank with both stages does one thing at a time")
    func oneRank() throws {
        var clock = StageClock(plan: try plan(1, vision: 1), now: 0)
        clock.beginEncoding(1, rank: 0, now: 0)
        clock.begin(.prefill, now: 3 * Self.second)
        clock.endEncoding(1, now: 4 * Self.second)
        clock.endOrder(now: 5 * Self.second)
        let times = clock.report(now: 6 * Self.second)
        #expect(times.ranks == [.init(vision: 3, prefill: 2, decode: 0)])
    }

    @Test("A report is about the last six stretches of time")
    func window() throws {
        var clock = StageClock(plan: try plan(1, vision: 1), now: 0)
        clock.begin(.decode, now: 0)
        clock.endOrder(now: 5 * Self.second)
        let seconds = (1...9).map { clock.report(now: UInt64($0) * 10 * Self.second) }
        #expect(seconds.map(\.seconds) == [10, 20, 30, 40, 50, 60, 60, 60, 60])
        #expect(seconds.map { $0.ranks[0].decode } == [5, 5, 5, 5, 5, 5, 0, 0, 0])
    }
}
