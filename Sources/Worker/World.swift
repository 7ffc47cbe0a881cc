import CProcess
import Coordinator
import Foundation
import PaliGemma
import Pictures
import Shard
import ShardPlan
import Tensor

/// One rank from its start to its end.
enum World {
    /// - Returns: how the process ends. An error on any rank ends the whole world at once.
    static func run(_ settings: WorkerSettings) -> ExitStatus {
        Signals.install()
        // A world whose mpirun is gone has nobody who would end it.
        if ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_SIZE"] != nil { pg_end_with_parent() }
        let loop: RankLoop
        do {
            loop = try RankLoop()
        } catch {
            Talk.line("cannot join a world: \(error)")
            return .environment
        }
        pg_last_words_install(
            "pg-worker: rank \(loop.rank) of \(loop.size) on \(Launch(worldSize: loop.size).host)",
            ExitStatus.noMemory.code)
        let parts = Result {
            try Watchdog.whileLoading(loop, limit: settings.watchdogSeconds) {
                try ModelParts(settings, worldSize: loop.size)
            }
        }
        do {
            try Handshake(settings, parts, loop).run()
            let rank = try Rank(settings, parts.get(), loop)
            let watchdog =
                settings.watchdogSeconds > 0 ? Watchdog(of: rank, loop: loop, limit: settings.watchdogSeconds) : nil
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
            Talk.line("rank \(loop.rank) of \(loop.size): \(error)")
            let code = ExitStatus(error).code
            if loop.size == 1 { _exit(code) }
            RankLoop.abort(code: code)
        }
    }
}

/// The model as every rank loads it.
struct ModelParts {
    let configuration: ModelConfiguration
    let checkpoint: Checkpoint
    let weights: ModelWeights
    let tokenizer: Tokenizer
    let precision: WeightPrecision
    let resize: PictureResize
    let adapters: AdapterSet
    let fingerprint: String
    /// Of what the weights compute, whatever else answers depend on.
    let weightsFingerprint: String
    let plan: ShardPlan

    init(_ settings: WorkerSettings, worldSize: Int) throws {
        _ = try Kernels.requested()
        configuration = try ModelConfiguration(
            directory: settings.model, slidingWindow: settings.slidingWindow)
        checkpoint = try Checkpoint(directory: settings.model)
        tokenizer = try Tokenizer(directory: settings.model, configuration: configuration)
        guard tokenizer.pieceCount <= configuration.text.vocabulary else {
            throw ModelError(
                .tokenizer, at: settings.model,
                "the tokenizer has \(tokenizer.pieceCount) pieces, but the model only "
                    + "\(configuration.text.vocabulary) rows for them; they belong to different models")
        }
        plan = try ShardPlan(ranks: worldSize, configuration: configuration, visionRanks: settings.visionRanks)
        let stored = checkpoint.fingerprint()
        precision = settings.weights
        resize = settings.resize
        adapters = try AdapterSet(options: settings.adapters)
        weightsFingerprint = precision.mark(fingerprint: stored)
        fingerprint = resize.mark(
            fingerprint: precision.mark(
                fingerprint: adapters.mark(fingerprint: configuration.mark(fingerprint: stored))))
        weights = try ModelWeights.load(
            checkpoint, configuration, precision: precision, fingerprint: stored,
            threads: Launch(worldSize: worldSize).cores, adapters: adapters
        ) { making in
            let size = String(format: "%.0f MB", Double(making.byteCount) / 1e6)
            Talk.line("quantising the weights, once, into \(making.path) (\(size))")
        }
    }

    /// The last part of the directory's path, for people, and what makes its answers others than the default's.
    var name: String {
        let directory = URL(fileURLWithPath: checkpoint.directory).standardizedFileURL.lastPathComponent
        let weights = precision == .bf16 ? [] : ["--weights \(precision.rawValue)"]
        let window = configuration.text.window == nil ? [] : ["--sliding-window"]
        let pictures = resize == .pillow ? [] : ["--resize \(resize.rawValue)"]
        let tuned = adapters.names.isEmpty ? [] : ["--adapter " + adapters.names.joined(separator: " and ")]
        return ([directory] + weights + window + tuned + pictures).joined(separator: ", ")
    }
}
