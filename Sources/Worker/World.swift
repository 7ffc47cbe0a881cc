import Base
import CProcess
import Foundation
import Hub
import Shard
import WorkerInterface

/// One rank from its start to its end.
enum World {
    /// - Returns: how the process ends. An error on any rank ends the whole world at once.
    static func run(_ settings: WorkerSettings) -> ExitStatus {
        DrainRequest.acceptSignals()
        // A world whose mpirun is gone has nobody who would end it.
        if ProcessEnvironment.variables["OMPI_COMM_WORLD_SIZE"] != nil { pg_end_with_parent() }
        let launch = Launch(binding: settings.binding)
        SingleCopies.settle(launch, quiet: settings.quiet)
        NetworkSettings.settle(launch, quiet: settings.quiet)
        let loop: RankLoop
        do {
            loop = try JoiningWatch.run(limit: settings.watchdog, launch) { try RankLoop() }
        } catch {
            Console.log("cannot join a world: \(error)")
            return .environment
        }
        pg_fatal_error_report_install(
            "pg-worker: rank \(loop.rank) of \(loop.size) on \(launch.host)",
            ExitStatus.outOfMemory.code)
        let parts = Result {
            try Watchdog.whileLoading(loop, limit: settings.watchdog) {
                try ModelParts(
                    settings, directory: ModelLocation.directory(of: settings.model), worldSize: loop.size, launch)
            }
        }
        do {
            try Handshake(settings, parts, loop, launch).run()
            let rank = try Rank(settings, parts.get(), loop, launch)
            let watchdog =
                settings.watchdog > 0 ? Watchdog(of: rank, loop: loop, limit: settings.watchdog) : nil
            let status = endingAtOnce(loop) { try rank.run() }
            watchdog?.stop()
            loop.finalize()
            return status
        } catch let refusal as Handshake.Refusal {
            loop.finalize()
            return refusal.status
        } catch {
            return endingAtOnce(loop) { throw error }
        }
    }

    /// An error ends the process right where it is caught: other threads may be computing on what would be freed
    /// on the way out.
    private static func endingAtOnce(_ loop: RankLoop, _ body: () throws -> ExitStatus) -> ExitStatus {
        do {
            return try body()
        } catch {
            Console.log("rank \(loop.rank) of \(loop.size): \(error)")
            let code = ExitStatus(error).code
            if loop.size == 1 { _exit(code) }
            RankLoop.abort(code: code)
        }
    }
}
