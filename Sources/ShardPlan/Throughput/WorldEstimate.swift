import PaliGemma

/// How many pictures a world answers in steady state, by the formulas of its work, and why not more.
///
/// Products take the time of their operations, a decode step that and the time of reading its weights. In a prefill transfers
/// run under arithmetic, in decoding they do not. Ranks with two cores or more overlap their stages; ranks with fewer
/// compute one after the other with all cores.
package struct WorldEstimate: Sendable, Equatable {
    /// What a picture waits for longest.
    package enum Bound: String, Sendable {
        case vision, prefill, decoding, network
    }

    /// Seconds for a picture, on a rank of the stage; each vision rank takes other pictures, so theirs is divided.
    package let vision: Double
    package let prefill: Double
    package let decode: Double
    /// The part of prefill and decode that is waiting for the network.
    package let network: Double
    /// Pictures that decode together.
    package let sequences: Int
    package let picturesPerSecond: Double
    /// Bytes that one host needs: weights once, and what its ranks have for themselves.
    package let hostMemory: Int

    package init(_ work: Workload, plan: ShardPlan, on host: PlannedHost, placement: Placement) {
        let shape = WorldShape(work, plan, host, placement)
        let (compute, transfer) = (shape.prefillSeconds, shape.prefillTransferSeconds)
        let exposed = max(0, transfer - compute)
        let (step, stepTransfer) = (shape.decodeSeconds, shape.decodeTransferSeconds)
        vision = shape.visionSeconds
        prefill = compute + exposed
        decode = step + stepTransfer
        network = exposed + stepTransfer
        sequences = shape.sequences
        hostMemory = shape.hostMemory
        let text = prefill + decode
        let perPicture: Double
        if plan.ranks == 1 {
            perPicture = vision + text
        } else if shape.ranksShareCores {
            // With all cores of their host: the sum of what its ranks compute for a picture.
            let visionRanks = Double(plan.visionRanks)
            let textRanks = Double(plan.textRanks)
            let hosts = Double(placement.hostsPerWorld)
            perPicture = (vision * visionRanks + (text - network) * textRanks) / hosts + network
        } else {
            perPicture = max(vision, text)
        }
        picturesPerSecond = perPicture > 0 ? 1 / perPicture : 0
    }

    package var bound: Bound {
        let parts: [(Bound, Double)] = [
            (.vision, vision), (.prefill, prefill), (.decoding, decode), (.network, network * 2),
        ]
        return parts.max { $0.1 < $1.1 }?.0 ?? .prefill
    }
}

/// The terms of an estimate.
private struct WorldShape {
    private static let floatBytes = 4.0
    /// Bytes of a process beside what the plan counts: code, tokenizer, buffers of MPI.
    private static let processBytes = 200 << 20

    private let work: Workload
    private let plan: ShardPlan
    private let host: PlannedHost
    private let placement: Placement
    /// Operations a second of a rank, with the cores that it has at a time.
    private let linear: Double
    private let attention: Double
    /// Bytes a second that a rank reads.
    private let memory: Double
    let ranksShareCores: Bool
    private let split: PrefillCut.Split

    init(_ work: Workload, _ plan: ShardPlan, _ host: PlannedHost, _ placement: Placement) {
        (self.work, self.plan, self.host, self.placement) = (work, plan, host, placement)
        let cores = Double(host.cores) / Double(placement.worldsPerHost)
        ranksShareCores = placement.ranksPerHost > 1 && Int(cores) / placement.ranksPerHost < 2
        let own = ranksShareCores ? cores : cores / Double(placement.ranksPerHost)
        linear = host.rates.linear * own
        attention = host.rates.attention * own
        memory = host.rates.memory * own / Double(host.cores)
        let text = work.configuration.text
        let weights = Work.decodedWeights(text) * Double(work.elementSize)
        // As a world chooses by itself.
        let cut = PrefillCut(split: Double(host.memory) >= 2 * weights ? .rows : .columns)
        split = PrefillRows(total: work.pictures * work.prefixRows, ranks: plan.textRanks, cut: cut).split
    }

    private var text: TextConfiguration { work.configuration.text }
    private var textRanks: Double { Double(plan.textRanks) }
    /// Whether Gemma's ranks are on several hosts.
    private var crossesHosts: Bool { placement.hostsPerWorld > 1 && plan.textRanks > 1 }
    /// Ranks of one host that share its link.
    private var linkBytesPerSecond: Double { host.link / Double(placement.ranksPerHost) }

    // MARK: Seconds for one picture

    var visionSeconds: Double {
        let all = Work.vision(work.configuration.vision)
        let scores = Work.visionAttention(work.configuration.vision)
        return seconds(linear: all - scores, attention: scores) / Double(plan.visionRanks)
    }

    var prefillSeconds: Double {
        let rows = work.prefixRows
        let scores = Work.prefillAttention(rows: rows, text)
        // The last layer computes keys and values of all rows, and the rest of one.
        let layers = Double(max(1, text.layers - 1)) / Double(max(1, text.layers))
        let all = Work.prefill(rows: rows, text)
        return seconds(linear: (all - scores) * layers, attention: scores * layers) / textRanks
    }

    /// Keys and values of all rows, or the blocks of the column parallel MLP and its partial sums.
    var prefillTransferSeconds: Double {
        guard crossesHosts else { return 0 }
        let others = (textRanks - 1) / textRanks
        let rows = Double(work.prefixRows) * Double(text.layers)
        let keysAndValues = rows * 2 * Double(text.keyValueWidth) * others
        let blocks = split == .columns ? rows * 2 * Double(text.width) * others : 0
        return (keysAndValues + blocks) * Self.floatBytes / linkBytesPerSecond
    }

    var decodeSeconds: Double {
        let steps = Double(max(0, work.newTokens - 1))
        let batch = Double(sequences)
        let weights = Work.decodedWeights(text)
        let cache = Double(cacheBytesPerPosition * work.positions) * batch
        let reading = (weights * Double(work.elementSize) / textRanks + cache) / memory
        return steps * (reading + 2 * weights * batch / textRanks / linear) / batch
    }

    /// Two sums over the ranks in each layer, each an all-gather of partial sums.
    var decodeTransferSeconds: Double {
        guard crossesHosts else { return 0 }
        let steps = Double(max(0, work.newTokens - 1))
        let batch = Double(sequences)
        let sums = 2 * Double(text.layers)
        let bytes = sums * batch * Double(text.width) * Self.floatBytes * (textRanks - 1)
        return steps * (bytes / linkBytesPerSecond + (sums + 1) * host.latency) / batch
    }

    private func seconds(linear operations: Double, attention scores: Double) -> Double {
        2 * operations / linear + 2 * scores / attention
    }

    // MARK: Memory

    private var cacheBytesPerPosition: Int {
        plan.slices.map { Gemma.cacheBytes(positions: 1, configuration: text, slice: $0) }.max() ?? 0
    }

    var sequences: Int {
        let inCache = work.cacheBytes / max(1, cacheBytesPerPosition * work.positions)
        return max(1, min(work.sequences, inCache))
    }

    var hostMemory: Int {
        var (shared, own) = (0, 0)
        for rank in 0..<min(plan.ranks, placement.ranksPerHost) {
            let memory = rankMemory(rank)
            shared += memory.weightsRead
            own += privateBytes(rank, memory)
        }
        // The first host has the vision ranks, the last one the most of Gemma.
        var (lastShared, lastOwn) = (0, 0)
        for rank in max(0, plan.ranks - placement.ranksPerHost)..<plan.ranks {
            let memory = rankMemory(rank)
            lastShared += memory.weightsRead
            lastOwn += privateBytes(rank, memory)
        }
        let whole = wholeCheckpoint
        let worlds = placement.worldsPerHost
        return max(min(shared, whole) + worlds * own, min(lastShared, whole) + worlds * lastOwn)
    }

    private func privateBytes(_ rank: Int, _ memory: RankMemory) -> Int {
        let cache = plan.holdsText(rank) ? sequences * work.positions * cacheBytesPerPosition : 0
        let features = plan.encodesPictures(rank) ? work.featureBytes : 0
        return Self.processBytes + memory.activations + cache + features
    }

    private func rankMemory(_ rank: Int) -> RankMemory {
        RankMemory(
            plan: plan, rank: rank, configuration: work.configuration, elementSize: work.elementSize,
            rows: max(work.batchRows, work.prefixRows), cut: PrefillCut(split: split))
    }

    /// The bytes that a world of one rank reads: more is not in a host's memory, whatever its ranks share.
    private var wholeCheckpoint: Int {
        guard let one = try? ShardPlan(ranks: 1, configuration: work.configuration) else { return .max }
        return RankMemory(
            plan: one, rank: 0, configuration: work.configuration, elementSize: work.elementSize, rows: 1
        ).weightsRead
    }
}
