import DecodingSettings

/// One prompt on its way to an answer, and the keys and values of its positions.
///
/// Every rank of a group holds the same sequences; the caches hold each rank's own heads.
package final class Sequence {
    /// Why an answer ended.
    package enum Finish: String, Sendable {
        /// The model chose the end token.
        case stop
        /// The answer reached the job's `max_tokens`.
        case length
        /// The answer repeated itself as often as the job's `stop_repetition` allows.
        case repetition
        /// Features of one of its pictures were damaged on their way; there is no answer.
        case damaged
    }

    package let id: UInt64
    /// The token ids behind the pictures: begin, prompt, newline.
    package let textTokens: [Int32]
    package let pictures: Int
    /// The number of rows of the prefix: picture tokens and text tokens.
    package let prefixRows: Int
    package let maxTokens: Int
    package let decoding: Decoding
    /// The index in the ``AdapterSet`` of the adapter that answers; nil for the model as it is.
    package let adapter: Int?

    /// The answer so far, without the end token; at the end of a beam search the best answer.
    package internal(set) var tokens: [Int32] = []
    /// The log-probability of each token of the answer.
    package internal(set) var logProbabilities: [Float] = []
    /// The most probable tokens of every step, best first, where the decoding asks for them.
    package internal(set) var topTokens: [[TokenProbability]] = []
    /// At the end of a beam search the best answers; of choices all of them in their order.
    package internal(set) var answers: [ScoredAnswer] = []
    package internal(set) var finish: Finish?
    /// The rows of the next decoding step.
    private(set) var rows: [SequenceRow] = []
    private var beams: BeamSearch?
    private var choices: ChoiceScoring?
    /// Rows of choices that wait for a later step.
    private var waiting: [SequenceRow] = []

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

    /// The number of positions that the prefix and the longest answer take.
    package var positions: Int { prefixRows + decoding.longestAnswer(maxTokens: maxTokens) }

    /// Replaces the token that was chosen at a step, so that the next step goes on with `token`; for measurements.
    package func replaceLast(with token: Int32, step: Int) {
        if tokens.count > step { tokens.removeLast() } else { logProbabilities.append(0) }
        tokens.append(token)
        rows.first?.token = token
        if tokens.count < maxTokens { finish = nil }
    }

    /// Allocates the KV cache and the state of the decoding method.
    ///
    /// - Parameter width: own K·H, the width of the rank's key/value heads together.
    func open(layers: Int, width: Int, endTokens: [Int32]) {
        var capacity = prefixRows
        switch decoding.method {
        case .greedy, .sampling: capacity += maxTokens
        case .beams(let settings):
            beams = BeamSearch(settings, maxTokens: maxTokens, endTokens: endTokens)
        case .choices(let tokens): choices = ChoiceScoring(tokens, endToken: endTokens[0])
        }
        rows = [
            SequenceRow(prefix: KeyValueCache(layers: layers, capacity: capacity, width: width), prefixRows: prefixRows)
        ]
    }

    /// Whether rules change the logits before a token is chosen.
    var hasRules: Bool {
        if case .choices = decoding.method { return false }
        return decoding.rules != .none
    }

    /// What must be known of a row's own logits; nil for no more than the most probable token.
    func logitRequest(row: Int) -> LogitRequest? {
        if hasRules { return LogitRequest(best: decoding.topLogProbabilities) }
        switch decoding.method {
        case .greedy:
            let count = decoding.topLogProbabilities
            return count == 0 ? nil : LogitRequest(best: count)
        case .sampling(let sampling):
            return LogitRequest(best: max(sampling.candidates, decoding.topLogProbabilities), sampling: sampling)
        case .beams: return LogitRequest(best: beams?.tokensOfBeam ?? 0)
        case .choices: return LogitRequest(best: 0, targets: choices?.targets(row: row) ?? [])
        }
    }

    /// What must be known of a row's scores, which the rules have changed.
    var scoreRequest: LogitRequest {
        switch decoding.method {
        case .greedy, .choices: LogitRequest()
        case .sampling(let sampling): LogitRequest(best: sampling.candidates, sampling: sampling)
        case .beams: LogitRequest(best: beams?.tokensOfBeam ?? 0)
        }
    }

    /// Returns what rules know of a row.
    func ruleContext(row: Int, imageToken: Int32, endTokens: [Int32]) -> LogitRuleContext {
        let images = [Int32](repeating: imageToken, count: prefixRows - textTokens.count)
        let answer = beams.map { $0.running.indices.contains(row) ? $0.running[row].tokens : [] } ?? tokens
        return LogitRuleContext(
            prefix: images + textTokens, answer: answer, maxTokens: maxTokens, endTokens: endTokens)
    }

    /// Appends the token of one step: the most probable one, or a sampled one.
    func append(_ token: Int32, logProbability: Float, endTokens: [Int32]) {
        if endTokens.contains(token) {
            finish = .stop
            return
        }
        tokens.append(token)
        logProbabilities.append(logProbability)
        rows.first?.token = token
        if let repetition = decoding.repetition, repetition.isEnd(of: tokens) {
            finish = .repetition
        } else if tokens.count == maxTokens {
            finish = .length
        }
    }

    /// Takes the most probable tokens of every row of a beam search, and makes the rows of the next step.
    func advanceBeams(_ best: [[TokenProbability]]) {
        if let next = beams?.advance(best) {
            rows = next.map { rows[$0.parent].fork(token: $0.token) }
        } else if let beams {
            answers = Array(beams.finished.prefix(beams.settings.returned))
            end(with: answers.first)
        }
    }

    /// Takes one step's logits of every row of choices, and makes the rows of the next step.
    func advanceChoices(_ summaries: [LogitSummary]) {
        let next = choices?.advance(summaries.map { summary in summary.targets.map(summary.logProbability(of:)) }) ?? []
        waiting += next.map { rows[$0.row].fork(token: $0.token) }
        let count = choices?.fed.count ?? 0
        rows = Array(waiting.suffix(count))
        waiting.removeLast(count)
        guard let choices, choices.isOver else { return }
        answers = choices.answers
        end(with: answers.first { answer in !answers.contains { $0.score > answer.score } })
    }

    private func end(with answer: ScoredAnswer?) {
        tokens = answer?.tokens ?? []
        logProbabilities = answer?.logProbabilities ?? []
        finish = answer?.isEnded == false ? .length : .stop
        rows = []
    }
}
