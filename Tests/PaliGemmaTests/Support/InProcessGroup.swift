import Foundation
import PaliGemma
import Tensor

/// A tensor-parallel group whose ranks are threads of this process: collectives are copies.
final class InProcessGroup: TensorParallelGroup {
    let rank: Int
    let link: LinkFormat
    var count: Int { room.count }
    private let room: Room

    private init(rank: Int, link: LinkFormat, room: Room) {
        self.rank = rank
        self.link = link
        self.room = room
    }

    /// Runs `body` once for every rank, each on a thread of its own, and returns their results in rank order.
    ///
    /// - Throws: the first error of a rank, or ``TimedOut`` where a rank has not ended after ten minutes.
    static func run<Result: Sendable>(
        ranks: Int, link: LinkFormat = .float32, _ body: @escaping @Sendable (InProcessGroup) throws -> Result
    ) throws -> [Result] {
        let room = Room(count: ranks)
        let results = Results<Result>(count: ranks)
        let threads = (0..<ranks).map { rank in
            let thread = Thread {
                results.set(rank, Swift.Result { try body(InProcessGroup(rank: rank, link: link, room: room)) })
            }
            thread.stackSize = 8 << 20
            thread.start()
            return thread
        }
        try results.waitForAll()
        _ = threads
        return try results.values.map { try $0.get() }
    }

    func allGather(
        _ own: MatrixView, into all: MatrixView, ranges: [Range<Int>], as format: LinkFormat
    ) -> any PendingCollective {
        Deferred { [room, rank] in
            room.meet(rank, own) { views in
                for (from, range) in ranges.enumerated() {
                    all.rows(range).copy(from: views[from])
                    format.round(all.rows(range))
                }
            }
        }
    }

    func allToAll(
        _ parts: MatrixView, ranges: [Range<Int>], into received: MatrixView, as format: LinkFormat
    ) -> any PendingCollective {
        Deferred { [room, rank] in
            room.meet(rank, parts) { views in
                let rows = ranges[rank].count
                for (from, view) in views.enumerated() {
                    received.rows(from * rows..<(from + 1) * rows).copy(from: view.rows(ranges[rank]))
                }
                format.round(received)
            }
        }
    }

    /// A collective that copies when it is waited for, which is the latest moment that the protocol allows. Every rank waits
    /// in the same order, so the meetings match.
    private final class Deferred: PendingCollective {
        private let body: () -> Void
        init(_ body: @escaping () -> Void) { self.body = body }
        func wait() { body() }
    }

    /// A barrier at which ranks exchange views: each brings one, all copy, all leave.
    private final class Room: @unchecked Sendable {
        let count: Int
        private let condition = NSCondition()
        private var views: [MatrixView?]
        private var arrived = 0
        private var left = 0
        private var round = 0

        init(count: Int) {
            self.count = count
            views = Array(repeating: nil, count: count)
        }

        func meet(_ rank: Int, _ view: MatrixView, copy: ([MatrixView]) -> Void) {
            condition.lock()
            let mine = round
            views[rank] = view
            arrived += 1
            condition.broadcast()
            while arrived < count { condition.wait() }
            let all = views.compactMap { $0 }
            condition.unlock()
            copy(all)
            condition.lock()
            left += 1
            if left == count {
                (arrived, left) = (0, 0)
                round += 1
                condition.broadcast()
            }
            while round == mine { condition.wait() }
            condition.unlock()
        }
    }

    /// A rank waits for another that will never come.
    struct TimedOut: Error {}

    private final class Results<Value: Sendable>: @unchecked Sendable {
        private let condition = NSCondition()
        private var results: [Swift.Result<Value, any Error>?]

        init(count: Int) { results = Array(repeating: nil, count: count) }

        var values: [Swift.Result<Value, any Error>] { results.compactMap { $0 } }

        func set(_ rank: Int, _ result: Swift.Result<Value, any Error>) {
            condition.lock()
            results[rank] = result
            condition.broadcast()
            condition.unlock()
        }

        func waitForAll() throws {
            let deadline = Date(timeIntervalSinceNow: 600)
            condition.lock()
            defer { condition.unlock() }
            while results.contains(where: { $0 == nil }) {
                if !condition.wait(until: deadline) { throw TimedOut() }
            }
        }
    }
}

extension LinkFormat {
    /// Rounds numbers as their transfer does.
    fileprivate func round(_ view: MatrixView) {
        guard self == .bfloat16 else { return }
        let codec = LinkCodec(team: ThreadTeam(count: 1))
        withUnsafeTemporaryAllocation(byteCount: view.rows * view.columns * 2 + 2, alignment: 64) { wire in
            guard let base = wire.baseAddress else { return }
            codec.narrow(view, into: base)
            codec.widen(base, into: view)
        }
    }
}
