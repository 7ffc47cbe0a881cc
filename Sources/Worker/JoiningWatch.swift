import Base
import CProcess
import Foundation
import Synchronization
import WorkerInterface

/// Watches a rank while it joins its world: MPI's own start and a first message to every other rank. A network that leads
/// nowhere makes all of that wait for ever.
enum JoiningWatch {
    /// Ranks of a slow launcher start this much apart, in seconds, so a shorter limit is none.
    private static let shortestLimit = 30.0

    /// - Parameter limit: of the watchdog, in seconds; 0 for none.
    static func run<Result>(limit: Double, _ launch: Launch, _ body: () throws -> Result) rethrows -> Result {
        guard limit > 0, ProcessEnvironment.value(of: "OMPI_COMM_WORLD_SIZE") != nil else { return try body() }
        let hasJoined = JoinedFlag()
        defer { hasJoined.set() }
        let seconds = max(limit, shortestLimit)
        Thread.start("joining") {
            let deadline = ContinuousClock.now + .seconds(seconds)
            while ContinuousClock.now < deadline {
                if hasJoined.isSet { return }
                Thread.sleep(forTimeInterval: 0.2)
            }
            guard !hasJoined.isSet else { return }
            Console.log(message(after: seconds, launch))
            pg_stacks_write(STDERR_FILENO)
            // mpirun ends the others.
            _exit(ExitStatus.stalled.code)
        }
        return try body()
    }

    private static func message(after seconds: Double, _ launch: Launch) -> String {
        let rank = ProcessEnvironment.value(of: "OMPI_COMM_WORLD_RANK") ?? "0"
        let size = ProcessEnvironment.value(of: "OMPI_COMM_WORLD_SIZE") ?? "1"
        let interfaces = NetworkInterface.all.map { "\($0.name) \($0.address)" }.joined(separator: ", ")
        return """
            rank \(rank) of \(size) on \(launch.host) has not reached all other ranks in \(seconds.formatted()) s. This host has \
            \(interfaces.isEmpty ? "no network" : interfaces). Where hosts have an address in common, as bridges of containers do, \
            or a firewall between them, name the network that connects them: \
            mpirun --mca btl_tcp_if_include 10.0.0.0/24 --mca oob_tcp_if_include 10.0.0.0/24 …
            """
    }

    private final class JoinedFlag: Sendable {
        private let flag = Atomic<Bool>(false)
        var isSet: Bool { flag.load(ordering: .acquiring) }
        func set() { flag.store(true, ordering: .releasing) }
    }
}
