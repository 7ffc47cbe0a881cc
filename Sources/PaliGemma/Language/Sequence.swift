import DecodingSettings

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
        /// It repeated itself, as the job forbids it.
        case repetition
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
    package let decoding: Decoding
    /// That answers, by its place in the ``AdapterSet``; nil for the model as it is.
    package let adapter: Int?

    /// The answer so far, without the end token, and the log-probability of each token. Of several answers the best,
    /// at the end.
    package internal(set) var tokens: [Int32] = []
    package internal(set) var logProbabilities: [Float] = []
    /// Where the decoding asks for them, the most probable tokens of every step, best first.
    package internal(set) var topTokens: [[TokenProbability]] = []
    /// At the end of a beam search the best answers, of choices all of them in their order.
    package internal(set) var answers: [ScoredAnswer] = []
    package internal(set) var finish: Finish?
    /// The rows of the next step.
    private(set) var lanes: [Lane] = []
    private var beams: BeamSearch?
    private var choices: ChoiceScoring?
    /// Lanes of choices that wait for a later step.
    private var waiting: [Lane] = []

    package init(
        id: UInt64, textTokens: [Int32], pictures: Int, tokensPerPicture: Int, maxTokens: Int,
        decoding: Decoding = .greedy, adapter: Int? = nil
    ) {
        precondition(!textTokens.isEmpty && pictures >= 0 && maxTokens >= 1)
        self.id = id
        self.textTokens = textTokens
        self.pictures = pictures
        self.maxTokens = maxTokens
        self.decoding = decoding
        self.adapter = adapter
        prefixRows = pictures * tokensPerPicture + textTokens.count
    }

    /// Places in the sequence that the prefix and the longest answer take.
    package var places: Int { prefixRows + decoding.longestAnswer(maxTokens: maxTokens) }

    /// Goes on with another token than the one that was chosen at a step, for measurements.
    package func replaceLast(with token: Int32, step: Int) {
        if tokens.count > step { tokens.removeLast() } else { logProbabilities.append(0) }
        tokens.append(token)
        lanes.first?.token = token
        if tokens.count < maxTokens { finish = nil }
    }

    /// Makes the room for keys and values.
    ///
    /// - Parameter width: of the rank's key heads together.
    func open(layers: Int, width: Int, endToken: Int) {
        var capacity = prefixRows
        switch decoding.method {
        case .greedy, .sampling: capacity += maxTokens
        case .beams(let settings):
            beams = BeamSearch(settings, maxTokens: maxTokens, endToken: Int32(endToken))
        case .choices(let tokens): choices = ChoiceScoring(tokens, endToken: Int32(endToken))
        }
        lanes = [
            Lane(prefix: KeyValueCache(layers: layers, capacity: capacity, width: width), prefixRows: prefixRows)
        ]
    }

    /// What is to be known of a lane's logits; nil for no more than the most probable token.
    func question(row: Int) -> HeadQuestion? {
        switch decoding.method {
        case .greedy:
            let count = decoding.topLogProbabilities
            return count == 0 ? nil : HeadQuestion(best: count)
        case .sampling(let sampling):
            return HeadQuestion(best: max(sampling.candidates, decoding.topLogProbabilities), sampling: sampling)
        case .beams: return HeadQuestion(best: beams?.tokensOfBeam ?? 0)
        case .choices: return HeadQuestion(best: 0, targets: choices?.targets(row: row) ?? [])
        }
    }

    /// Takes one step's choice: the most probable token, or one that was drawn.
    func append(_ token: Int32, logProbability: Float, endToken: Int) {
        if token == endToken {
            finish = .stop
            return
        }
        tokens.append(token)
        logProbabilities.append(logProbability)
        lanes.first?.token = token
        if let repetition = decoding.repetition, repetition.isEnd(of: tokens) {
            finish = .repetition
        } else if tokens.count == maxTokens {
            finish = .length
        }
    }

    /// Takes what was asked of each lane of a beam search or of choices.
    func advance(_ rows: [HeadAnswer]) {
        switch decoding.method {
        case .greedy, .sampling: break
        case .beams: advanceBeams(rows)
        case .choices: advanceChoices(rows)
        }
    }

    private func advanceBeams(_ rows: [HeadAnswer]) {
        let count = beams?.tokensOfBeam ?? 0
        let best = rows.map { row in row.best.prefix(count).map { row.probability(of: $0) } }
        if let next = beams?.advance(best) {
            lanes = next.map { lanes[$0.parent].fork(token: $0.token) }
        } else if let beams {
            answers = Array(beams.finished.prefix(beams.settings.returned))
            end(with: answers.first)
        }
    }

    private func advanceChoices(_ rows: [HeadAnswer]) {
        let next = choices?.advance(rows.map { row in row.targets.map(row.logProbability(of:)) }) ?? []
        waiting += next.map { lanes[$0.row].fork(token: $0.token) }
        let count = choices?.fed.count ?? 0
        lanes = Array(waiting.suffix(count))
        waiting.removeLast(count)
        guard let choices, choices.isOver else { return }
        answers = choices.answers
        end(with: answers.first { answer in !answers.contains { $0.score > answer.score } })
    }

    private func end(with answer: ScoredAnswer?) {
        tokens = answer?.tokens ?? []
        logProbabilities = answer?.logProbabilities ?? []
        finish = answer?.isEnded == false ? .length : .stop
        lanes = []
    }
}
