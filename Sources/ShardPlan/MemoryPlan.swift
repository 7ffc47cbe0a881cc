import PaliGemma

/// How much memory the ranks of a host take by themselves, so that together they stay within what the host, or the
/// container that they share, has.
///
/// The checkpoint is one mapped file: ranks that read the same of it have it in memory once, and the kernel may take
/// its pages away and read them again. What is left beside it is for what grows with the work.
package struct MemoryPlan: Sendable, Equatable {
    /// The ranks of a world on one host, and what they share there. Sizes are in bytes.
    package struct Host: Sendable, Equatable {
        /// What all of its ranks may use together.
        package let memory: Int
        /// The weights that they read, those of Gemma among them.
        package let weights: Int
        package let textWeights: Int
        package let ranks: Int
        /// Ranks that encode pictures, and ranks that hold Gemma.
        package let visionRanks: Int
        package let textRanks: Int

        /// - Parameters:
        ///   - ranks: their numbers in the world.
        ///   - elementSize: of a stored weight.
        ///   - checkpoint: of all tensors of the model.
        package init(
            memory: Int, ranks: [Int], plan: ShardPlan, configuration: ModelConfiguration, elementSize: Int,
            checkpoint: Int
        ) {
            let read = ranks.map { rank in
                RankMemory(plan: plan, rank: rank, configuration: configuration, elementSize: elementSize, rows: 1)
                    .weightsRead
            }
            self.memory = max(0, memory)
            // Together they read no more than there is, however many read the same.
            weights = min(checkpoint, read.reduce(0, +))
            textWeights = RankMemory.textWeights(configuration.text, elementSize: elementSize)
            self.ranks = ranks.count
            visionRanks = ranks.count { plan.encodesPictures($0) }
            textRanks = ranks.count { plan.holdsText($0) }
        }

        /// Whether this host can keep Gemma's weights in memory and have as much again for everything else: then every
        /// rank may read all of them in a prefill.
        package var keepsTextWeights: Bool { memory / 2 >= textWeights }
    }

    /// What is taken where there is memory enough.
    package struct Maxima: Sendable, Equatable {
        package var keyValueBudget: Int
        package var featureCache: Int
        package var batchRows: Int

        package init(keyValueBudget: Int, featureCache: Int, batchRows: Int) {
            self.keyValueBudget = keyValueBudget
            self.featureCache = featureCache
            self.batchRows = batchRows
        }
    }

    /// What a process takes before it works: code, stacks, buffers of MPI, packed panels. In bytes.
    private static let processBytes = 64 << 20

    /// The KV cache of a rank, in bytes.
    package let keyValueBudget: Int
    /// The features that a vision rank keeps, in bytes.
    package let featureCache: Int
    /// Rows of a micro-batch.
    package let batchRows: Int
    /// Bytes for pictures that are being decoded at the same time: more than one at a time only within it.
    package let pictureBytes: Int
    /// Bytes that a single picture may take while it is decoded.
    package let largestPictureBytes: Int

    /// - Parameters:
    ///   - minimumRows: of a micro-batch: those of one job.
    ///   - buffers: returns the bytes of a rank's buffers for a micro-batch of so many rows.
    package init(_ host: Host, _ maxima: Maxima, minimumRows: Int, buffers: (Int) -> Int) {
        // Weights that do not fit are read again and again; half of the memory is left to them.
        let left = host.memory - min(host.weights, host.memory / 2)
        let free = max(host.memory / 4, left - host.ranks * Self.processBytes)
        // Half for keys and values, and an eighth each for features, buffers and pictures; the rest stays free.
        keyValueBudget = max(1, min(maxima.keyValueBudget, free / 2 / max(1, host.textRanks)))
        featureCache = min(maxima.featureCache, free / 8 / max(1, host.visionRanks))
        var rows = maxima.batchRows
        while rows > minimumRows, buffers(rows) > free / 8 / max(1, host.ranks) { rows = max(minimumRows, rows / 2) }
        batchRows = rows
        pictureBytes = free / 8
        largestPictureBytes = free / 2
    }

    /// - Parameters:
    ///   - rank: in the world.
    ///   - elementSize: of a stored weight, in bytes.
    package init(
        _ host: Host, _ maxima: Maxima, rank: Int, of plan: ShardPlan, configuration: ModelConfiguration,
        elementSize: Int, cut: PrefillCut
    ) {
        let oneJob = configuration.vision.tokens + 64
        self.init(host, maxima, minimumRows: min(maxima.batchRows, oneJob)) { rows in
            RankMemory(
                plan: plan, rank: rank, configuration: configuration, elementSize: elementSize, rows: rows, cut: cut
            ).activations
        }
    }
}
