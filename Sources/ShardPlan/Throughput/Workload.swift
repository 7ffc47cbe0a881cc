import PaliGemma

/// What worlds do all day: pictures with a short prompt, one after the other, through a model.
package struct Workload: Sendable, Equatable {
    package var configuration: ModelConfiguration
    /// Bytes of a stored weight.
    package var elementSize: Int
    /// Rows of a prompt.
    package var promptRows: Int
    package var newTokens: Int
    /// Rows of a micro-batch.
    package var batchRows: Int
    /// The maximum size of a rank's KV cache, in bytes.
    package var cacheBytes: Int
    /// The maximum number of sequences that decode together.
    package var sequences: Int
    /// The maximum size of the features that a vision rank keeps, in bytes.
    package var featureBytes: Int

    package init(
        configuration: ModelConfiguration, elementSize: Int, promptRows: Int = 16, newTokens: Int, batchRows: Int,
        cacheBytes: Int, sequences: Int, featureBytes: Int
    ) {
        self.configuration = configuration
        self.elementSize = elementSize
        self.promptRows = promptRows
        self.newTokens = newTokens
        self.batchRows = batchRows
        self.cacheBytes = cacheBytes
        self.sequences = sequences
        self.featureBytes = featureBytes
    }

    /// Rows of the prefix of one picture.
    var prefixRows: Int { configuration.vision.tokens + promptRows }
    /// Pictures of a micro-batch.
    var pictures: Int { max(1, batchRows / prefixRows) }
    /// Positions of one picture's prefix and answer.
    var positions: Int { prefixRows + newTokens }
}
