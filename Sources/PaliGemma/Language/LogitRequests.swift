import DecodingSettings
import Foundation
import Tensor

/// What must be known of one row's logits beside the most probable token.
struct LogitRequest: Sendable {
    /// How many of the largest logits.
    var best = 0
    /// How a token is sampled; nil where none is.
    var sampling: Sampling?
    /// The tokens whose own logits are wanted.
    var targets: [Int32] = []
}

extension Sampling {
    /// How many of the largest logits of every rank nearly always suffice to sample from; where they do not, all logits are
    /// gathered.
    var candidates: Int {
        if isUncut { return 0 }
        return topK > 0 ? min(topK + 1, 1024) : 256
    }
}

/// What all ranks know of a row's logits.
struct LogitSummary {
    /// The largest logit and its token; of several equal ones the lowest token.
    let maximum: TokenLogit
    /// The logarithm of the sum over the vocabulary of exp(logit − maximum).
    let logTotal: Double
    /// The largest logits in descending order, at least as many as were asked for.
    let best: [TokenLogit]
    /// The largest logit that a token outside ``best`` can have; nil where ``best`` holds all tokens.
    let bound: Float?
    /// For each rank the sum over its tokens of exp((logit − maximum) / temperature).
    let masses: [Double]
    /// The logits of the requested tokens.
    let targets: [Float]
    let isDamaged: Bool

    /// The most probable token; the first of all where rules forbid every one.
    var choice: TokenLogit { maximum.logit == -.infinity ? TokenLogit(token: 0, logit: maximum.logit) : maximum }

    func logProbability(of logit: Float) -> Float { Float(Double(logit - maximum.logit) - logTotal) }

    func probability(of entry: TokenLogit) -> TokenProbability {
        TokenProbability(token: entry.token, logProbability: logProbability(of: entry.logit))
    }
}

/// How a rank's logits are packed into a row of numbers that is gathered from all ranks:
///
///     [0..<4]       the rank's ``TokenCandidate``: largest logit, its token, sum of exponentials, whether damaged
///     [4]           the sum of exponentials at the request's temperature
///     2 · best      the largest logits, each followed by its token
///     targets       the logits of the requested tokens
///
/// −∞ stands where the rank has none.
private struct LogitReport: Sendable {
    let requests: [LogitRequest]
    private let best: Int
    private let targets: Int
    private static let fixed = TokenCandidate.width + 1

    init(_ requests: [LogitRequest]) {
        self.requests = requests
        best = requests.map(\.best).max() ?? 0
        targets = requests.map(\.targets.count).max() ?? 0
    }

    var width: Int { Self.fixed + 2 * best + targets }

    /// Packs this rank's logits of a row into `out` [``width``].
    ///
    /// - Parameter scratch: own V floats.
    func fill(
        _ out: UnsafeMutablePointer<Float>, _ logits: MatrixView, row: Int, firstToken: Int, isDamaged: Bool,
        kernels: Kernels, scratch: UnsafeMutablePointer<Float>
    ) {
        let request = requests[row]
        var candidate = TokenCandidate(logits: logits, row: row, firstToken: firstToken, kernels: kernels)
        candidate.isDamaged = isDamaged
        let isPossible = candidate.logit > -.infinity
        candidate.store(in: MatrixView(base: out, rows: 1, columns: width), row: 0)
        out[TokenCandidate.width] = candidate.sum
        if let temperature = request.sampling?.temperature, temperature != 1, logits.columns > 0, isPossible {
            let (factor, table) = (Float(1 / temperature), kernels.table.pointee)
            scratch.update(from: logits.row(row), count: logits.columns)
            table.scale(scratch, factor, logits.columns)
            out[TokenCandidate.width] = Float(table.sum_exp(scratch, logits.columns, candidate.logit * factor))
        }
        (out + Self.fixed).update(repeating: -.infinity, count: width - Self.fixed)
        let largest = BestLogits.of(
            logits.row(row), columns: logits.columns, firstToken: firstToken, count: request.best)
        for (index, entry) in largest.enumerated() {
            out[Self.fixed + 2 * index] = entry.logit
            out[Self.fixed + 2 * index + 1] = Float(entry.token)
        }
        for (index, token) in request.targets.enumerated() {
            let column = Int(token) - firstToken
            guard (0..<logits.columns).contains(column) else { continue }
            out[Self.fixed + 2 * best + index] = logits.row(row)[column]
        }
    }

    /// Combines all ranks' packed rows.
    ///
    /// - Parameter vocabularies: the number of tokens of each rank.
    func summary(row: Int, _ reports: [UnsafeMutablePointer<Float>], vocabularies: [Int]) -> LogitSummary {
        let request = requests[row]
        let candidates = reports.map { TokenCandidate(MatrixView(base: $0, rows: 1, columns: width), row: 0) }
        var largest = TokenLogit(token: candidates[0].token, logit: candidates[0].logit)
        for candidate in candidates where candidate.logit > largest.logit {
            largest = TokenLogit(token: candidate.token, logit: candidate.logit)
        }
        var (best, bound): ([TokenLogit], Float?) = ([], nil)
        for (report, vocabulary) in zip(reports, vocabularies) {
            let own = (0..<request.best).map { report + Self.fixed + 2 * $0 }.prefix { $0[0] > -.infinity }
            best += own.map { TokenLogit(token: Int32($0[1]), logit: $0[0]) }
            if own.count < vocabulary { bound = max(bound ?? -.infinity, own.last?[0] ?? .infinity) }
        }
        let logTotal = TokenCandidate.choose(candidates).logProbability
        let temperature = request.sampling?.temperature ?? 1
        return LogitSummary(
            maximum: largest, logTotal: -Double(logTotal),
            best: best.sorted(by: TokenLogit.comesFirst), bound: bound,
            masses: zip(candidates, reports).map { candidate, report in
                candidate.sum == 0
                    ? 0
                    : Double(report[TokenCandidate.width]) * exp(Double(candidate.logit - largest.logit) / temperature)
            },
            targets: request.targets.indices.map { index in
                reports.map { $0[Self.fixed + 2 * self.best + index] }.max() ?? -.infinity
            },
            isDamaged: candidates.contains(where: \.isDamaged))
    }
}

extension Gemma {
    /// As ``chooseTokens(_:for:damaged:)``, where some sequences need more than their most probable token.
    ///
    /// - Parameter logits: [B, own V].
    func answerLogitRequests(
        _ logits: MatrixView, of sequences: [Sequence], damaged: Set<Int>
    ) throws(CollectiveError) {
        let requests = sequences.flatMap { sequence in
            sequence.rows.indices.map { sequence.logitRequest(row: $0) ?? LogitRequest() }
        }
        let summaries = try summaries(of: logits, requests, damaged: damaged)
        let ruled = try ruledScores(logits, summaries, of: sequences)
        let outlooks = summaries.indices.map { row in
            RowOutlook(
                summary: summaries[row], ruled: ruled.summaries[row],
                scores: ruled.row(row) ?? logits.row(row))
        }
        // The outlooks point into its memory.
        defer { extendLifetime(ruled) }
        try continueSequences(sequences, with: outlooks, logits)
    }

    /// Returns what all ranks know together of some rows.
    ///
    /// - Parameters:
    ///   - logits: [rows, own V].
    ///   - requests: one a row.
    func summaries(
        of logits: MatrixView, _ requests: [LogitRequest], damaged: Set<Int> = []
    ) throws(CollectiveError) -> [LogitSummary] {
        let report = LogitReport(requests)
        let own = Matrix(rows: logits.rows, columns: report.width)
        let all = Matrix(rows: group.count * logits.rows, columns: report.width)
        let (view, first) = (own.view, slice.vocabulary.lowerBound)
        team.run(logits.rows) { [kernels, team] row, thread in
            report.fill(
                view.row(row), logits, row: row, firstToken: first, isDamaged: damaged.contains(row),
                kernels: kernels, scratch: team.scratch(thread: thread, count: max(1, logits.columns)))
        }
        try group.allGatherCopies(of: own.view, into: all.view, as: .float32)
        let vocabularies = try vocabularies()
        return requests.indices.map { row in
            report.summary(
                row: row, (0..<group.count).map { all.view.row($0 * logits.rows + row) },
                vocabularies: vocabularies.map(\.count))
        }
    }

    private func continueSequences(
        _ sequences: [Sequence], with outlooks: [RowOutlook], _ logits: MatrixView
    ) throws(CollectiveError) {
        var (samples, chosen): ([TokenSample], [Int: TokenLogit]) = ([], [:])
        let ranges = rowRanges(of: sequences)
        for (sequence, rows) in zip(sequences, ranges) {
            if outlooks[rows].contains(where: \.summary.isDamaged) {
                sequence.finish = .damaged
                continue
            }
            let outlook = outlooks[rows.lowerBound]
            switch sequence.decoding.method {
            case .sampling(let sampling):
                samples.append(TokenSample(sequence: sequence, row: rows.lowerBound, outlook: outlook, sampling))
            case .greedy: chosen[rows.lowerBound] = outlook.deciding.choice
            case .beams, .choices: break
            }
        }
        for (sample, token) in zip(samples, try sampleTokens(samples, columns: logits.columns)) {
            chosen[sample.row] = token
        }
        let known = try logitsBehindScores(outlooks, chosen, logits)
        for (sequence, rows) in zip(sequences, ranges) where sequence.finish != .damaged {
            switch sequence.decoding.method {
            case .greedy, .sampling:
                guard var token = chosen[rows.lowerBound] else { continue }
                if let logit = known[rows.lowerBound]?.first { token.logit = logit }
                append(token, outlooks[rows.lowerBound].summary, to: sequence)
            case .beams:
                let renormalizes = sequence.decoding.rules.renormalizes
                sequence.advanceBeams(
                    rows.map { outlooks[$0].probabilities(logits: known[$0], renormalizes: renormalizes) })
            case .choices: sequence.advanceChoices(outlooks[rows].map(\.summary))
            }
        }
    }

    /// Returns the rows of a step that belong to each sequence.
    private func rowRanges(of sequences: [Sequence]) -> [Range<Int>] {
        var first = 0
        return sequences.map { sequence in
            defer { first += sequence.rows.count }
            return first..<first + sequence.rows.count
        }
    }

    private func append(_ token: TokenLogit, _ summary: LogitSummary, to sequence: Sequence) {
        sequence.append(
            token.token, logProbability: summary.logProbability(of: token.logit), endTokens: endTokens)
        let count = sequence.decoding.topLogProbabilities
        if count > 0, sequence.finish != .stop {
            sequence.topTokens.append(summary.best.prefix(count).map(summary.probability(of:)))
        }
    }

    /// Returns every rank's part of the vocabulary; asks the group once.
    func vocabularies() throws(CollectiveError) -> [Range<Int>] {
        if let keptVocabularies { return keptVocabularies }
        let own = Matrix(rows: 1, columns: 2)
        let all = Matrix(rows: group.count, columns: 2)
        // Ids below 2²⁴ are exact in float32.
        own.view.row(0)[0] = Float(slice.vocabulary.lowerBound)
        own.view.row(0)[1] = Float(slice.vocabulary.upperBound)
        try group.allGatherCopies(of: own.view, into: all.view, as: .float32)
        let ranges = (0..<group.count).map { Int(all.view.row($0)[0])..<Int(all.view.row($0)[1]) }
        keptVocabularies = ranges
        return ranges
    }
}
