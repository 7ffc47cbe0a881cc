/// How much memory the ranks of a host take by themselves, so that together they stay within what the host, or the
/// container that they share, has.
///
/// The checkpoint is one mapped file: ranks that read the same of it have it in memory once, and the kernel may take its
/// pages away and read them again. What is left beside it is for what grows with the work.
package struct MemoryPlan: Sendable, Equatable {
    /// A host, as one of its ranks sees it. Sizes are in bytes.
    package struct Host: Sendable, Equatable {
        /// What all of its ranks may use together.
        package var memory: Int
        /// The weights that they read, those of Gemma among them.
        package var weights: Int
        package var textWeights: Int
        /// Ranks of this world here: all of them, those that encode pictures, and those that hold Gemma.
        package var ranks: Int
        package var visionRanks: Int
        package var textRanks: Int

        package init(
            memory: Int, weights: Int, textWeights: Int, ranks: Int, visionRanks: Int, textRanks: Int
        ) {
            self.memory = max(0, memory)
            self.weights = max(0, weights)
            self.textWeights = textWeights
            self.ranks = max(1, ranks)
            self.visionRanks = max(1, visionRanks)
            self.textRanks = max(1, textRanks)
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
    private static let processBytes = 96 << 20

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
        keyValueBudget = max(1, min(maxima.keyValueBudget, free / 2 / host.textRanks))
        featureCache = min(maxima.featureCache, free / 8 / host.visionRanks)
        var rows = maxima.batchRows
        while rows > minimumRows, buffers(rows) > free / 8 / host.ranks { rows = max(minimumRows, rows / 2) }
        batchRows = rows
        pictureBytes = free / 8
        largestPictureBytes = free / 2
    }
}
