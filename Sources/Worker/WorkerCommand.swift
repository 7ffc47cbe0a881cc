import ArgumentParser
import Base
import Coordinator
import Foundation
import PaliGemma

/// The program that mpirun starts: one process is one rank of a world that answers the jobs of a queue.
@main
struct WorkerCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pg-worker",
        abstract: "One rank of a world that answers the jobs of a queue with a PaliGemma model.",
        discussion: """
            mpirun -n 4 pg-worker --model DIR --queue jobs.db --drain
            mpirun -n 4 pg-worker --model DIR --queue jobs.db --adapter ocr=receipts/ --adapter cap=museum/

            The ranks split the model: the first encode pictures, the others hold the language model together, and
            rank 0 hands out the work. Started without mpirun it is a world of one.

            Every flag can stand in the environment instead (flag > environment > default). Exit codes: 0 all done,
            1 some jobs failed, 2 usage, 3 environment, 4 model invalid, 5 queue unavailable (or another model's),
            70 internal, 71 out of memory, 75 ended by a watchdog, 130/143 stopped by a signal.
            """)

    @Option(help: "The model's directory, in the Hugging Face layout. [PALIGEMMA_MODEL]")
    var model: String?

    @Option(help: "The queue: a file, or postgres://host/database. [PALIGEMMA_QUEUE]")
    var queue: String?

    @Flag(help: "End when the queue is empty; otherwise wait for more. [PALIGEMMA_DRAIN=1]")
    var drain = false

    @Option(
        help: """
            bf16: as the checkpoint stores them, exact. int8: quantised, faster, less accurate. (default: bf16) \
            [PALIGEMMA_WEIGHTS]
            """)
    var weights: String?

    @Option(help: "Refuse to start unless the world has this many ranks. [PALIGEMMA_RANKS]")
    var ranksExpected: Int?

    @Option(help: "Ranks that encode pictures (default: what balances the stages). [PALIGEMMA_VISION_RANKS]")
    var visionRanks: Int?

    @Option(help: "Compute threads of a rank (default: its share of the cores). [PALIGEMMA_THREADS]")
    var threads: Int?

    @Option(help: "Bytes of keys and values that a rank may hold, as 2g or 512m (default: 2g). [PALIGEMMA_KV_BUDGET]")
    var kvBudget: String?

    @Option(help: "Rows of a micro-batch (default: 2304, eight pictures at 224 px). [PALIGEMMA_BATCH_ROWS]")
    var batchRows: Int?

    @Option(help: "Seconds that a lease holds without renewal (default: 60). [PALIGEMMA_LEASE_SECONDS]")
    var leaseSeconds: Int?

    @Option(
        help: """
            Seconds that a drain (SIGUSR1) may take; then what is in flight goes back to the queue (default: 120). \
            [PALIGEMMA_DRAIN_TIMEOUT]
            """)
    var drainTimeout: Double?

    @Option(
        help: """
            Seconds after which a rank that makes no progress at all ends the world; 0: never (default: 120). \
            [PALIGEMMA_WATCHDOG]
            """)
    var watchdog: Double?

    @Option(
        help: """
            Bytes of memory of a vision rank for features of pictures seen last, as 2g or 512m; another question about \
            such a picture needs no second pass of the vision tower; 0: none (default: 512m). [PALIGEMMA_FEATURE_CACHE]
            """)
    var featureCache: String?

    @Option(help: "A folder that keeps such features too, also for worlds to come. [PALIGEMMA_FEATURE_FOLDER]")
    var featureFolder: String?

    @Option(help: "What that folder may hold of one model (default: 20g). [PALIGEMMA_FEATURE_FOLDER_SIZE]")
    var featureFolderSize: String?

    @Option(
        help: """
            How activations travel between Gemma ranks: f32 as they are, bf16 rounded to half the bytes (default: f32). \
            [PALIGEMMA_LINK]
            """)
    var link: String?

    @Option(
        help: """
            How Gemma ranks share a prefill's MLP: rows, where each reads all of its weights, or columns, where each reads \
            a part and sends nearly nine times as much (default: rows, where every host has the memory). [PALIGEMMA_PREFILL]
            """)
    var prefill: String?

    @Option(help: "Write what each thread of each rank did when, in Chrome's trace format. [PALIGEMMA_TIMELINE]")
    var timeline: String?

    @Option(help: "Write what each rank did and waited for, in JSON, at the end. [PALIGEMMA_REPORT]")
    var report: String?

    @Option(
        help: """
            How a picture becomes the model's square: pillow, as the public processor does it; big_vision or \
            big_vision_antialias, as the original code evaluates captions and questions (default: pillow). \
            [PALIGEMMA_RESIZE]
            """)
    var resize: String?

    @Option(
        help: ArgumentHelp(
            "A LoRA adapter as PEFT saves it, which jobs call by this name; may be given several times. "
                + "[PALIGEMMA_ADAPTER, with commas between]", valueName: "name=dir"))
    var adapter: [String] = []

    @Flag(
        help: """
            PaliGemma 2: an answer's tokens see the last 4096 positions only in every other layer, as in transformers. \
            [PALIGEMMA_SLIDING_WINDOW=1; default: all, as the weights were trained]
            """)
    var slidingWindow = false

    @Flag(help: "Do not turn pictures upright by their EXIF orientation. [PALIGEMMA_IGNORE_EXIF=1]")
    var ignoreExif = false

    @Flag(help: "Say nothing but errors. [PALIGEMMA_QUIET=1]")
    var quiet = false

    static func main() {
        do {
            let command = try parse()
            let settings = try WorkerSettings(command)
            Foundation.exit(World.run(settings).code)
        } catch let error as WorkerSettings.UsageError {
            Talk.onceAWorld("pg-worker: \(error.description)\nSee pg-worker --help.")
            Foundation.exit(ExitStatus.usage.code)
        } catch {
            let help = exitCode(for: error) == .success
            if help { print(fullMessage(for: error)) } else { Talk.onceAWorld(fullMessage(for: error)) }
            Foundation.exit(help ? ExitStatus.success.code : ExitStatus.usage.code)
        }
    }
}
