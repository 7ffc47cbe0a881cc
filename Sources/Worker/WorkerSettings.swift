import Base
import Coordinator
import Foundation
import PaliGemma
import Pictures

/// What a rank was asked to do: flags, else environment, else defaults.
struct WorkerSettings {
    let model: String
    let queue: String
    let drain: Bool
    let weights: WeightPrecision
    let ranksExpected: Int?
    let visionRanks: Int?
    let threads: Int?
    /// Bytes.
    let keyValueBudget: Int
    /// Bytes of features of pictures in memory.
    let featureCache: Int
    let featureFolder: String?
    /// Bytes.
    let featureFolderSize: Int
    let batchRows: Int
    let leaseSeconds: Int
    let drainTimeout: Duration
    /// The name that this world leases with; nil: its first rank's host and process.
    let world: String?
    /// Seconds without progress after which a rank ends the world; 0: never.
    let watchdogSeconds: Double
    let link: LinkFormat
    /// nil: by rows where the memory of every host allows it.
    let prefill: PrefillCut.Split?
    let timeline: String?
    let report: String?
    let resize: PictureResize
    let slidingWindow: Bool
    /// "name=DIR"
    let adapters: [String]
    let ignoreExif: Bool
    let quiet: Bool

    /// The pixels of more rows would not fit into one frame.
    private static let mostBatchRows = 1 << 16

    struct UsageError: Error, CustomStringConvertible {
        let description: String
    }

    init(_ command: WorkerCommand) throws {
        let environment = ProcessInfo.processInfo.environment
        func text(_ flag: String?, _ variable: String) -> String? {
            flag ?? environment[variable].flatMap { $0.isEmpty ? nil : $0 }
        }
        func number(_ flag: Int?, _ option: String, _ variable: String, atLeast least: Int) throws -> Int? {
            guard let given = flag.map(String.init) ?? text(nil, variable) else { return nil }
            guard let value = Int(given), value >= least else {
                throw UsageError(description: "\(option) (\(variable)) is \(given); a number from \(least) is expected")
            }
            return value
        }
        func seconds(
            _ flag: Double?, _ option: String, _ variable: String, _ otherwise: Double, _ isSensible: (Double) -> Bool,
            _ expected: String
        ) throws -> Double {
            guard let given = flag.map({ "\($0)" }) ?? text(nil, variable) else { return otherwise }
            guard let value = Double(given), value <= 1e6, isSensible(value) else {
                throw UsageError(description: "\(option) (\(variable)) is \(given); \(expected)")
            }
            return value
        }
        func isSet(_ flag: Bool, _ variable: String) throws -> Bool {
            guard !flag, let given = text(nil, variable)?.lowercased() else { return flag }
            if ["1", "true", "yes", "on"].contains(given) { return true }
            if ["0", "false", "no", "off"].contains(given) { return false }
            throw UsageError(description: "\(variable) is \(given); 1 or 0 is expected")
        }

        func bytes(
            _ flag: String?, _ option: String, _ variable: String, default standard: String, mayBeNone: Bool = false
        ) throws -> Int {
            let given = text(flag, variable) ?? standard
            if let size = ByteSize(given, mayBeNone: mayBeNone) { return size.bytes }
            throw UsageError(
                description: "\(option) (\(variable)) is \(given); a size such as 2g, 512m or 1000000 is expected")
        }

        guard let model = text(command.model, "PALIGEMMA_MODEL") else {
            throw UsageError(description: "no model: give --model DIR or set PALIGEMMA_MODEL")
        }
        guard let queue = text(command.queue, "PALIGEMMA_QUEUE") else {
            throw UsageError(description: "no queue: give --queue FILE or set PALIGEMMA_QUEUE")
        }
        let wanted = text(command.link, "PALIGEMMA_LINK")
        guard let link = wanted.map(LinkFormat.init(rawValue:)) ?? .float32 else {
            let known = LinkFormat.allCases.map(\.rawValue).joined(separator: " or ")
            throw UsageError(description: "--link (PALIGEMMA_LINK) is \(wanted ?? ""); \(known) is expected")
        }
        self.link = link
        let split = text(command.prefill, "PALIGEMMA_PREFILL")
        prefill = split.flatMap(PrefillCut.Split.init(rawValue:))
        guard split == nil || prefill != nil else {
            throw UsageError(
                description: "--prefill (PALIGEMMA_PREFILL) is \(split ?? ""); rows or columns is expected")
        }
        self.model = model
        self.queue = queue
        drain = try isSet(command.drain, "PALIGEMMA_DRAIN")
        let precision = text(command.weights, "PALIGEMMA_WEIGHTS") ?? WeightPrecision.bf16.rawValue
        guard let weights = WeightPrecision(rawValue: precision) else {
            throw UsageError(description: "--weights (PALIGEMMA_WEIGHTS) is \(precision); bf16 or int8 is expected")
        }
        self.weights = weights
        ranksExpected = try number(command.ranksExpected, "--ranks-expected", "PALIGEMMA_RANKS", atLeast: 1)
        visionRanks = try number(command.visionRanks, "--vision-ranks", "PALIGEMMA_VISION_RANKS", atLeast: 1)
        threads = try number(command.threads, "--threads", "PALIGEMMA_THREADS", atLeast: 1)
        keyValueBudget = try bytes(command.kvBudget, "--kv-budget", "PALIGEMMA_KV_BUDGET", default: "2g")
        featureCache = try bytes(
            command.featureCache, "--feature-cache", "PALIGEMMA_FEATURE_CACHE", default: "512m", mayBeNone: true)
        featureFolder = text(command.featureFolder, "PALIGEMMA_FEATURE_FOLDER")
        featureFolderSize = try bytes(
            command.featureFolderSize, "--feature-folder-size", "PALIGEMMA_FEATURE_FOLDER_SIZE", default: "20g")
        let rows = try number(command.batchRows, "--batch-rows", "PALIGEMMA_BATCH_ROWS", atLeast: 1)
        batchRows = min(rows ?? 2304, Self.mostBatchRows)
        leaseSeconds =
            try number(command.leaseSeconds, "--lease-seconds", "PALIGEMMA_LEASE_SECONDS", atLeast: 1) ?? 60
        drainTimeout = .seconds(
            try seconds(
                command.drainTimeout, "--drain-timeout", "PALIGEMMA_DRAIN_TIMEOUT", 120, { $0 >= 0 },
                "seconds up to a million are expected"))
        world = text(nil, "PALIGEMMA_WORLD")
        watchdogSeconds = try seconds(
            command.watchdog, "--watchdog", "PALIGEMMA_WATCHDOG", 120, { $0 == 0 || $0 >= 0.5 },
            "seconds from 0.5 up to a million are expected, or 0 for none")
        timeline = text(command.timeline, "PALIGEMMA_TIMELINE")
        report = text(command.report, "PALIGEMMA_REPORT")
        let square = text(command.resize, "PALIGEMMA_RESIZE") ?? PictureResize.pillow.rawValue
        guard let resize = PictureResize(rawValue: square) else {
            let known = PictureResize.allCases.map(\.rawValue).joined(separator: ", ")
            throw UsageError(description: "--resize (PALIGEMMA_RESIZE) is \(square); one of \(known) is expected")
        }
        self.resize = resize
        let adapterList = (text(nil, "PALIGEMMA_ADAPTER") ?? "").split(separator: ",").map(String.init)
        adapters = command.adapter.isEmpty ? adapterList : command.adapter
        slidingWindow = try isSet(command.slidingWindow, "PALIGEMMA_SLIDING_WINDOW")
        ignoreExif = try isSet(command.ignoreExif, "PALIGEMMA_IGNORE_EXIF")
        quiet = try isSet(command.quiet, "PALIGEMMA_QUIET")
    }
}
