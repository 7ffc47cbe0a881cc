import Base
import CProcess
import Foundation
import Shard
import Synchronization
import WorkerInterface

/// The stall detector of a rank. A thread of its own checks that the rank makes progress, and ends the world where it makes
/// none: with a line that names what is stuck, the stacks of all threads, and MPI_Abort.
///
/// What is counted is the smallest piece of work that there is (a task of a compute thread, a round of the main loop),
/// so a pass may take hours: it is stuck only when not one piece of it ends in the limit. A rank that has nothing to
/// do is not stuck, and one that waits for others may do so for longer than those that keep it waiting.
final class Watchdog: Sendable {
    /// Something that has to make progress.
    struct Subject: Sendable {
        let name: String
        /// How many times the limit it may make no progress while it works; while it waits, twice as many.
        var limits = 1.0
        let activity: @Sendable () -> Activity
    }

    /// Between two looks, as parts of the limit.
    private static let looksPerLimit = 10.0
    private static let longestPause = 5.0

    private let stopping = Atomic<Bool>(false)

    /// - Parameters:
    ///   - limit: seconds without progress.
    ///   - alarm: called once, on the watchdog's thread, with what is stuck.
    init(limit: Double, subjects: [Subject], alarm: @escaping @Sendable (String) -> Void) {
        let pause = min(limit / Self.looksPerLimit, Self.longestPause)
        Thread.start("watchdog") { [self] in
            var detectors = subjects.map { StallDetector(timeout: limit * $0.limits, pause: pause) }
            while !stopping.load(ordering: .relaxed) {
                Thread.sleep(forTimeInterval: pause)
                for index in subjects.indices where detectors[index].isStalled(observing: subjects[index].activity()) {
                    guard !stopping.load(ordering: .relaxed) else { return }
                    return alarm(subjects[index].name)
                }
            }
        }
    }

    /// Ends the watch.
    func stop() { stopping.store(true, ordering: .relaxed) }
}

extension Watchdog {
    /// Watches a rank while it loads, where it waits for nobody. Peers that are done wait for it as long as it takes, and
    /// are not watched, for this rank ends the world itself.
    ///
    /// - Parameter limit: seconds; 0 for none.
    static func whileLoading<Result>(
        _ loop: RankLoop, limit: Double, _ body: () throws -> Result
    ) rethrows -> Result {
        guard limit > 0 else { return try body() }
        let loading = Subject(name: "the loading of the model") { LoadingProgress.activity }
        let watchdog = Watchdog(limit: limit, subjects: [loading], alarm: Self.end(of: loop, limit: limit))
        defer { watchdog.stop() }
        return try body()
    }

    /// The watchdog of a rank: its own threads, and whether its peers live.
    convenience init(of rank: Rank, loop: RankLoop, limit: Double) {
        let sender = loop.sender
        var subjects = [Subject(name: "the main loop") { .working(sender.rounds) }] + rank.subjects
        if let liveness = loop.exchangeHeartbeats(everySeconds: limit / 5) {
            // A little later than the peer itself would notice, which can report more; and one rank after the other.
            subjects += liveness.peers.map { peer in
                Subject(
                    name: "rank \(peer) (no heartbeat from it)", limits: 1.25 + 0.05 * Double(min(loop.rank, 20))
                ) {
                    .working(liveness.count(from: peer))
                }
            }
        }
        self.init(limit: limit, subjects: subjects, alarm: Self.end(of: loop, limit: limit))
    }

    /// Returns what reports a stall and ends the world.
    private static func end(of loop: RankLoop, limit: Double) -> @Sendable (String) -> Void {
        let place = "rank \(loop.rank) of \(loop.size) on \(Launch.hostName), process \(getpid())"
        let isAlone = loop.size == 1
        return { name in
            Console.log("\(place): no progress of \(name) for \(limit.formatted()) s or more; stacks of all threads:")
            pg_stacks_write(STDERR_FILENO)
            if isAlone { _exit(ExitStatus.stalled.code) }
            // Should the library be what hangs, the kernel ends this rank, and mpirun the others.
            signal(SIGALRM, SIG_DFL)
            alarm(5)
            RankLoop.abort(code: ExitStatus.stalled.code)
        }
    }
}
