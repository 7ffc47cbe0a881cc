import Base
import Synchronization

/// What a rank has heard of its peers. Its main thread notes it, its watchdog reads it.
package final class SignsOfLife: Sendable {
    /// Who tells this rank that it lives, and is told the same.
    package let peers: [Int]
    private let interval: UInt64
    private let heard: Locked<[Int: UInt64]>
    private let next = Atomic<UInt64>(0)

    init(of peers: [Int], interval seconds: Double) {
        self.peers = peers
        interval = UInt64(seconds * 1e9)
        heard = Locked(Dictionary(uniqueKeysWithValues: peers.map { ($0, 0) }))
    }

    /// Signs that came from a peer so far.
    package func count(from peer: Int) -> UInt64 { heard.withLock { $0[peer] ?? 0 } }

    func note(from peer: Int) { heard.withLock { $0[peer, default: 0] += 1 } }

    /// Whether it is time to give a sign again; asked on the main thread in every round.
    func isDue() -> Bool {
        let now = Timeline.now()
        guard now >= next.load(ordering: .relaxed) else { return false }
        next.store(now + interval, ordering: .relaxed)
        return true
    }
}
