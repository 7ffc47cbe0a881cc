import DecodingSettings
import Tensor

/// What the next token of a row is chosen from.
struct RowOutlook {
    /// Of the row's own logits, of which log-probabilities are reported.
    let summary: LogitSummary
    /// Of the scores that rules made of them; nil where there are no rules.
    let ruled: LogitSummary?
    /// The rank's part of what the token is chosen from: own V float32.
    let scores: UnsafeMutablePointer<Float>

    var deciding: LogitSummary { ruled ?? summary }

    /// Returns the most probable tokens for a beam search.
    ///
    /// - Parameters:
    ///   - logits: the logits of the tokens, where rules changed them.
    ///   - renormalizes: whether scores are log-probabilities again.
    func probabilities(logits: [Float]?, renormalizes: Bool) -> [TokenProbability] {
        guard let ruled, let logits else { return summary.best.map(summary.probability(of:)) }
        return zip(ruled.best, logits).map { entry, logit in
            TokenProbability(
                token: entry.token, logProbability: summary.logProbability(of: logit),
                score: renormalizes ? ruled.logProbability(of: entry.logit) : entry.logit)
        }
    }
}

/// The scores that rules made of the logits of some rows of a step.
struct RuledScores: ~Copyable {
    /// [ruled rows, own V]
    private let scores: Matrix
    /// The row among the scores of each row of the step; nil where no rules change it.
    private let places: [Int?]
    /// One for each row of the step; nil where no rules change it.
    let summaries: [LogitSummary?]

    init(_ scores: consuming Matrix, places: [Int?], summaries: [LogitSummary]) {
        self.scores = scores
        self.places = places
        self.summaries = places.map { place in place.map { summaries[$0] } }
    }

    /// Returns the rank's part of a row's scores; nil where no rules change it.
    func row(_ row: Int) -> UnsafeMutablePointer<Float>? { places[row].map { scores.view.row($0) } }
}

extension Gemma {
    /// Applies the rules of the sequences that have some. Each rank changes its part of the vocabulary; then all know
    /// together what the tokens are chosen by.
    ///
    /// - Parameters:
    ///   - logits: [B, own V].
    ///   - summaries: of all rows.
    func ruledScores(
        _ logits: MatrixView, _ summaries: [LogitSummary], of sequences: [Sequence]
    ) throws(CollectiveError) -> RuledScores {
        let rows = sequences.flatMap { sequence in sequence.rows.indices.map { (sequence: sequence, row: $0) } }
        let ruled = rows.indices.filter { rows[$0].sequence.hasRules }
        let scores = Matrix(rows: ruled.count, columns: logits.columns)
        var places = [Int?](repeating: nil, count: rows.count)
        for (place, row) in ruled.enumerated() { places[row] = place }
        guard !ruled.isEmpty else { return RuledScores(scores, places: places, summaries: []) }

        let (view, first, columns) = (scores.view, slice.vocabulary.lowerBound, logits.columns)
        let contexts = ruled.map { row in
            rows[row].sequence.ruleContext(row: rows[row].row, imageToken: imageToken, endTokens: endTokens)
        }
        let decodings = ruled.map { rows[$0].sequence.decoding }
        let totals = ruled.map { summaries[$0] }
        team.run(ruled.count) { place, _ in
            let (own, source) = (view.row(place), logits.row(ruled[place]))
            if case .beams = decodings[place].method {
                // A beam search adds up log-probabilities, so these are what the rules change.
                for column in 0..<columns { own[column] = totals[place].logProbability(of: source[column]) }
            } else {
                own.update(from: source, count: columns)
            }
            decodings[place].rules.apply(
                to: ScoreSlice(scores: UnsafeMutableBufferPointer(start: own, count: columns), firstToken: first),
                contexts[place])
        }
        let requests = ruled.map { rows[$0].sequence.scoreRequest }
        return RuledScores(scores, places: places, summaries: try self.summaries(of: view, requests))
    }

    /// Returns the logits of the tokens that rows with rules chose, or of the candidates of their beams, by row.
    ///
    /// - Parameters:
    ///   - chosen: the chosen tokens by row; none of rows of beams.
    ///   - logits: [B, own V].
    func logitsBehindScores(
        _ outlooks: [RowOutlook], _ chosen: [Int: TokenLogit], _ logits: MatrixView
    ) throws(CollectiveError) -> [Int: [Float]] {
        let rows = outlooks.indices.filter { outlooks[$0].ruled != nil }
        let tokens = rows.map { row in chosen[row].map { [$0.token] } ?? outlooks[row].ruled?.best.map(\.token) ?? [] }
        let count = tokens.reduce(0) { $0 + $1.count }
        guard count > 0 else { return [:] }
        let own = Matrix(rows: count, columns: 1)
        let all = Matrix(rows: group.count * count, columns: 1)
        var next = 0
        for (row, tokens) in zip(rows, tokens) {
            for token in tokens {
                let column = Int(token) - slice.vocabulary.lowerBound
                own.view.row(next)[0] = (0..<logits.columns).contains(column) ? logits.row(row)[column] : -.infinity
                next += 1
            }
        }
        try group.allGatherCopies(of: own.view, into: all.view, as: .float32)
        var known: [Int: [Float]] = [:]
        next = 0
        for (row, tokens) in zip(rows, tokens) {
            known[row] = tokens.indices.map { index in
                (0..<group.count).map { all.view.row($0 * count + next + index)[0] }.max() ?? -.infinity
            }
            next += tokens.count
        }
        return known
    }
}
