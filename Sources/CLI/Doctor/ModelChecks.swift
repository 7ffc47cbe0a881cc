import Base
import Foundation
import Hub
import PaliGemma
import Queue
import ShardPlan
import Tensor

#if canImport(Glibc)
    import Glibc
#endif

/// A model that was opened as a rank opens it.
struct DoctorModel {
    let configuration: ModelConfiguration
    let checkpoint: Checkpoint
    let plan: ShardPlan

    /// - Throws: `ModelError`, `PlanError` where a world would not start with it.
    init(_ directory: String, ranks: Int) throws {
        configuration = try ModelConfiguration(directory: directory)
        checkpoint = try Checkpoint(directory: directory)
        _ = try ModelWeights(checkpoint: checkpoint, configuration: configuration)
        let tokenizer = try Tokenizer(directory: directory, configuration: configuration)
        guard tokenizer.pieceCount <= configuration.text.vocabulary else {
            throw ModelError(
                .tokenizer, at: directory,
                "the tokenizer has \(tokenizer.pieceCount) pieces, and the model "
                    + "\(configuration.text.vocabulary) rows for them; they belong to different models")
        }
        plan = try ShardPlan(ranks: ranks, configuration: configuration, visionRanks: nil)
    }

    /// Bytes that the ranks of a host take beside the weights.
    var buffers: Int {
        (0..<plan.ranks).reduce(0) { sum, rank in
            sum
                + RankMemory(
                    plan: plan, rank: rank, configuration: configuration, elementSize: checkpoint.elementSize(),
                    rows: configuration.vision.tokens + 64
                ).activations
        }
    }
}

/// Whether a model's files are whole and fit each other.
package enum ModelCheck {
    /// What came of opening a model.
    package enum Facts: Sendable, Equatable {
        case opened(tensors: Int, files: Int, bytes: Int, networkFileSystem: String?)
        case refused(String)
        /// Not so many ranks can share it.
        case unsplittable(String)
    }

    package static func judge(_ facts: Facts) -> Finding {
        switch facts {
        case .refused(let reason):
            return Finding(
                .fail, reason,
                "compare the folder with where the model came from: every file, and its size; "
                    + "`paligemma inspect model` says what it holds")
        case .unsplittable(let reason): return Finding(.fail, reason, "give another number of --ranks")
        case .opened(let tensors, let files, let bytes, let kind):
            let text =
                "\(tensors) tensors in \(files == 1 ? "1 file" : "\(files) files"), \(ByteCount.text(bytes)), all inside their files"
            guard let kind else { return Finding(.ok, text) }
            return Finding(
                .note, "\(text); on a network file system (\(kind))",
                "copy it to a disk of each host where the start takes long: every host reads all of it")
        }
    }
}

/// The model's fingerprint against the queue's.
package enum FingerprintCheck {
    package struct Facts: Sendable {
        /// Of the queue; nil before its first world.
        package var queue: String?
        package var queueModel: String?
        /// The hash of the checkpoint; nil where it was too large to be read.
        package var checkpoint: String?
        package var modelName: String

        package init(queue: String?, queueModel: String?, checkpoint: String?, modelName: String) {
            self.queue = queue
            self.queueModel = queueModel
            self.checkpoint = checkpoint
            self.modelName = modelName
        }
    }

    package static func judge(_ facts: Facts) -> Finding {
        guard let encoded = facts.queue else { return Finding(.ok, "the queue belongs to no model yet") }
        let name = facts.queueModel ?? "a model without a name"
        let advice = "give this model a queue of its own, or the model of this one: \(name)"
        guard let known = ModelFingerprint(encoded: encoded) else {
            return Finding(.fail, "the queue's fingerprint is of another version of this software (\(name))", advice)
        }
        guard let checkpoint = facts.checkpoint else {
            // The name is the folder's, and settings behind a comma.
            let sameName = name == facts.modelName || name.hasPrefix(facts.modelName + ",")
            return Finding(
                .note, "not checked: the model is too large to be read here; the queue belongs to \(name)",
                advice: sameName ? [] : ["see that \(facts.modelName) is the same model"])
        }
        guard known.checkpoint == checkpoint else {
            return Finding(.fail, "the queue belongs to another model (\(name))", advice)
        }
        let settings = known == ModelFingerprint(checkpoint: checkpoint) ? "" : ", with the settings of \(name)"
        return Finding(.ok, "the queue belongs to this model\(settings)")
    }
}

/// How much of the model is in memory, and how long the rest will take.
package enum PageCacheCheck {
    package struct Facts: Sendable {
        package var bytes: Int
        /// Bytes in the page cache; nil where the kernel does not say.
        package var resident: Int?
        /// Bytes a second of a read of what was not in memory; nil where nothing was read.
        package var coldRate: Double?

        package init(bytes: Int, resident: Int?, coldRate: Double? = nil) {
            self.bytes = bytes
            self.resident = resident
            self.coldRate = coldRate
        }
    }

    package static func judge(_ facts: Facts) -> Finding {
        guard let resident = facts.resident else {
            return .notChecked("the kernel shows only to a file's owner how much of it is in memory")
        }
        let share = facts.bytes > 0 ? Double(resident) / Double(facts.bytes) : 1
        let text = "\(CoreCheck.percent(share)) of \(ByteCount.text(facts.bytes)) in memory"
        guard share < 0.95 else { return Finding(.ok, text) }
        let warm = "warm it up before the first world: cat MODEL/*.safetensors > /dev/null"
        guard let rate = facts.coldRate, rate > 0 else { return Finding(.note, text, warm) }
        let seconds = Double(facts.bytes - resident) / rate
        let full =
            "\(text); the rest takes \(Int(min(seconds, 1e9).rounded(.up))) s at \(ByteCount.text(Int(min(rate, 1e15))))/s"
        return seconds > 60
            ? Finding(.warn, full, warm, "or copy the model to a faster disk of this machine")
            : Finding(.note, full, warm)
    }
}

extension ModelCheck {
    static func facts(_ model: DoctorModel) -> Facts {
        .opened(
            tensors: model.checkpoint.tensors.count, files: model.checkpoint.files.count,
            bytes: model.checkpoint.files.reduce(0) { $0 + $1.mapping.count },
            networkFileSystem: NetworkFileSystem.kind(under: model.checkpoint.directory))
    }
}

extension FingerprintCheck {
    /// Up to this size the weights are hashed, in bytes, where they are in memory.
    private static let maximumBytes = 2 << 30
    private static let maximumColdBytes = 256 << 20

    static func facts(
        _ model: DoctorModel, _ residency: PageCacheCheck.Facts, queue: String?, queueModel: String?
    ) throws -> Facts {
        let cold = residency.bytes - (residency.resident ?? 0)
        let isSmall = queue != nil && residency.bytes <= maximumBytes && cold <= maximumColdBytes
        return Facts(
            queue: queue, queueModel: queueModel,
            checkpoint: isSmall ? try model.checkpoint.fingerprint(threads: MachineLimits.current.cores) : nil,
            modelName: ModelLocation.name(of: model.checkpoint.directory))
    }
}

extension PageCacheCheck {
    private static let block = 1 << 20
    private static let readBytes = 64 << 20
    private static let limit = Duration.seconds(1)

    static func facts(_ model: DoctorModel) -> Facts {
        var facts = Facts(bytes: 0, resident: 0)
        var coldest: (file: MappedFile, start: Int, pages: Int)?
        for file in model.checkpoint.files.map(\.mapping) {
            facts.bytes += file.count
            guard let pages = file.residentPages() else {
                facts.resident = nil
                continue
            }
            let count = pages.count { $0 & 1 == 1 }
            facts.resident = facts.resident.map { $0 + min(file.count, count * MappedFile.pageSize) }
            let run = longestColdRun(pages)
            if run.count > coldest?.pages ?? 0 { coldest = (file, run.lowerBound * MappedFile.pageSize, run.count) }
        }
        if let coldest, coldest.pages * MappedFile.pageSize >= block {
            facts.coldRate = rate(coldest.file, from: coldest.start, bytes: coldest.pages * MappedFile.pageSize)
        }
        return facts
    }

    private static func longestColdRun(_ pages: [UInt8]) -> Range<Int> {
        var (best, start) = (0..<0, 0)
        for (index, page) in pages.enumerated() {
            if page & 1 == 1 {
                start = index + 1
            } else if index + 1 - start > best.count {
                best = start..<(index + 1)
            }
        }
        return best
    }

    /// Reads what is not in memory, and lets the kernel forget it again.
    private static func rate(_ file: MappedFile, from start: Int, bytes: Int) -> Double? {
        let descriptor = FileSystem.open(file.path, O_RDONLY)
        guard descriptor >= 0 else { return nil }
        defer { close(descriptor) }
        // The kernel would read more than it is asked for.
        posix_fadvise(descriptor, start, bytes, POSIX_FADV_RANDOM)
        var buffer = [UInt8](repeating: 0, count: block)
        let begin = ContinuousClock.now
        var read = 0
        while read < min(bytes, readBytes), ContinuousClock.now - begin < limit {
            let count = pread(descriptor, &buffer, block, off_t(start + read))
            if count <= 0 { break }
            read += count
        }
        let seconds = (ContinuousClock.now - begin) / .seconds(1)
        posix_fadvise(descriptor, start, read, POSIX_FADV_DONTNEED)
        return read > 0 && seconds > 0 ? Double(read) / seconds : nil
    }
}
