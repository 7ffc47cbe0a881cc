import Base
import Synchronization

/// The heartbeats that a rank has received from its peers. Its main thread counts them, its watchdog reads the counts.
package final class Liveness: Sendable {
    /// The ranks that send this rank heartbeats, and get its own.
    package let peers: [Int]
    private let interval: UInt64
    private let received: Locked<[Int: UInt64]>
    private let next = Atomic<UInt64>(0)

    init(of peers: [Int], interval seconds: Double) {
        self.peers = peers
        interval = UInt64(seconds * 1e9)
        received = Locked(Dictionary(uniqueKeysWithValues: peers.map { ($0, 0) }))
    }

    /// Returns the number of heartbeats from a peer so far.
    package func count(from peer: Int) -> UInt64 { received.withLock { $0[peer] ?? 0 } }

    func noteHeartbeat(from peer: Int) { received.withLock { $0[peer, default: 0] += 1 } }

    /// Whether it is time to send a heartbeat again; asked on the main thread in every round.
    func isDue() -> Bool {
        let now = Timeline.now()
        guard now >= next.load(ordering: .relaxed) else { return false }
        next.store(now + interval, ordering: .relaxed)
        return true
    }
}
