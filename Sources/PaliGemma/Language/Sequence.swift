/// One prompt on its way to an answer, and the keys and values of its positions.
///
/// Every rank of a group holds the same sequences; the caches hold each rank's own heads.
package final class Sequence {
    /// Why an answer ended.
    package enum Finish: String, Sendable {
        /// The model said that it ends.
        case stop
        /// It reached the job's `max_tokens`.
        case length
        /// Features of one of its pictures were damaged on their way; there is no answer.
        case damaged
    }

    package let id: UInt64
    /// Token ids behind the pictures: begin, prompt, newline.
    package let textTokens: [Int32]
    package let pictures: Int
    /// Rows of the prefix: picture tokens and text tokens.
    package let prefixRows: Int
    package let maxTokens: Int

    /// The answer so far, without the end token, and the log-probability of each token.
    package internal(set) var tokens: [Int32] = []
    package internal(set) var logProbabilities: [Float] = []
    package internal(set) var finish: Finish?
    var cache: KeyValueCache?

    package init(id: UInt64, textTokens: [Int32], pictures: Int, tokensPerPicture: Int, maxTokens: Int) {
        precondition(!textTokens.isEmpty && pictures >= 0 && maxTokens >= 1)
        self.id = id
        self.textTokens = textTokens
        self.pictures = pictures
        self.maxTokens = maxTokens
        prefixRows = pictures * tokensPerPicture + textTokens.count
    }

    /// Positions that the prefix and the longest answer take.
    package var positions: Int { prefixRows + maxTokens }

    /// Goes on with another token than the one that was chosen at a step, for measurements.
    package func replaceLast(with token: Int32, step: Int) {
        if tokens.count > step { tokens.removeLast() } else { logProbabilities.append(0) }
        tokens.append(token)
        if tokens.count < maxTokens { finish = nil }
    }

    /// Takes one step's choice.
    func append(_ token: Int32, logProbability: Float, endToken: Int) {
        if token == endToken {
            finish = .stop
            return
        }
        tokens.append(token)
        logProbabilities.append(logProbability)
        if tokens.count == maxTokens { finish = .length }
    }
}

/// Keys (after rotation) and values of one sequence on one rank, float32, for the heads that the rank decodes with.
final class KeyValueCache {
    private let memory: Matrix
    private let capacity: Int
    /// Positions that are filled.
    var count = 0

    /// - Parameters:
    ///   - capacity: most positions.
    ///   - width: of the rank's key heads together.
    init(layers: Int, capacity: Int, width: Int) {
        self.capacity = capacity
        memory = Matrix(rows: layers * 2 * capacity, columns: width)
    }

    /// [capacity, width] of a layer.
    func keys(_ layer: Int) -> MatrixView { part(2 * layer) }
    func values(_ layer: Int) -> MatrixView { part(2 * layer + 1) }

    private func part(_ index: Int) -> MatrixView { memory.view.rows(index * capacity..<(index + 1) * capacity) }
}
