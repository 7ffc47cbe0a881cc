import DecodingSettings
import Foundation
import Tensor

/// What is to be known of one row's logits beside the most probable token.
struct HeadQuestion: Sendable {
    /// So many of the largest.
    var best = 0
    /// A token is to be drawn.
    var sampling: Sampling?
    /// These tokens' own.
    var targets: [Int32] = []
}

extension Sampling {
    /// Largest logits of every rank that nearly always suffice for a draw; where they do not, all are gathered.
    var candidates: Int {
        if isUncut { return 0 }
        return topK > 0 ? min(topK + 1, 1024) : 256
    }
}

/// What all ranks know of a row's logits.
struct HeadAnswer {
    /// The largest logit and its token, the lowest of several.
    let maximum: TokenLogit
    /// log of the sum over the vocabulary of exp(logit − maximum).
    let logTotal: Double
    /// The largest, as many as were asked for and more where there are several ranks.
    let best: [TokenLogit]
    /// What is not among the best of some rank is not above it; nil where everything is known.
    let bound: Float?
    /// By rank, the sum over its tokens of exp((logit − maximum) / temperature).
    let masses: [Double]
    let targets: [Float]
    let isDamaged: Bool

    func logProbability(of logit: Float) -> Float { Float(Double(logit - maximum.logit) - logTotal) }

    func probability(of entry: TokenLogit) -> TokenProbability {
        TokenProbability(token: entry.token, logProbability: logProbability(of: entry.logit))
    }
}

/// The questions of one step, and how each rank's share of the answers stands in a row of numbers: the largest logit, its
/// token, the sum of exponentials beside it, whether the row is damaged, the same sum at the temperature, then the best
/// as logit and token, then the targets. −∞ stands where there is none.
private struct HeadReport: Sendable {
    let questions: [HeadQuestion]
    private let best: Int
    private let targets: Int
    private static let fixed = Candidate.width + 1

    init(_ questions: [HeadQuestion]) {
        self.questions = questions
        best = questions.map(\.best).max() ?? 0
        targets = questions.map(\.targets.count).max() ?? 0
    }

    var width: Int { Self.fixed + 2 * best + targets }

    /// Fills a row with what this rank's logits say.
    func fill(
        _ out: UnsafeMutablePointer<Float>, _ logits: MatrixView, row: Int, firstToken: Int, isDamaged: Bool,
        kernels: Kernels, scratch: UnsafeMutablePointer<Float>
    ) {
        let question = questions[row]
        var candidate = Candidate(logits: logits, row: row, firstToken: firstToken, kernels: kernels)
        candidate.isDamaged = isDamaged
        candidate.store(in: MatrixView(base: out, rows: 1, columns: width), row: 0)
        out[Candidate.width] = candidate.sum
        if let temperature = question.sampling?.temperature, temperature != 1, logits.columns > 0 {
            let (factor, table) = (Float(1 / temperature), kernels.table.pointee)
            scratch.update(from: logits.row(row), count: logits.columns)
            table.scale(scratch, factor, logits.columns)
            out[Candidate.width] = Float(table.sum_exp(scratch, logits.columns, candidate.logit * factor))
        }
        (out + Self.fixed).update(repeating: -.infinity, count: width - Self.fixed)
        let largest = BestLogits.of(
            logits.row(row), columns: logits.columns, firstToken: firstToken, count: question.best)
        for (index, entry) in largest.enumerated() {
            out[Self.fixed + 2 * index] = entry.logit
            out[Self.fixed + 2 * index + 1] = Float(entry.token)
        }
        for (index, token) in question.targets.enumerated() {
            let column = Int(token) - firstToken
            guard (0..<logits.columns).contains(column) else { continue }
            out[Self.fixed + 2 * best + index] = logits.row(row)[column]
        }
    }

    /// The answer to a row's question, out of all ranks' rows.
    ///
    /// - Parameter vocabularies: tokens of each rank.
    func answer(row: Int, _ reports: [UnsafeMutablePointer<Float>], vocabularies: [Int]) -> HeadAnswer {
        let question = questions[row]
        let candidates = reports.map { Candidate(MatrixView(base: $0, rows: 1, columns: width), row: 0) }
        var largest = TokenLogit(token: candidates[0].token, logit: candidates[0].logit)
        for candidate in candidates where candidate.logit > largest.logit {
            largest = TokenLogit(token: candidate.token, logit: candidate.logit)
        }
        var (best, bound): ([TokenLogit], Float?) = ([], nil)
        for (report, vocabulary) in zip(reports, vocabularies) {
            let own = (0..<question.best).map { report + Self.fixed + 2 * $0 }.prefix { $0[0] > -.infinity }
            best += own.map { TokenLogit(token: Int32($0[1]), logit: $0[0]) }
            if own.count < vocabulary { bound = max(bound ?? -.infinity, own.last?[0] ?? .infinity) }
        }
        let logTotal = Candidate.choose(candidates).logProbability
        let temperature = question.sampling?.temperature ?? 1
        return HeadAnswer(
            maximum: largest, logTotal: -Double(logTotal),
            best: best.sorted(by: TokenLogit.comesFirst), bound: bound,
            masses: zip(candidates, reports).map { candidate, report in
                candidate.sum == 0
                    ? 0
                    : Double(report[Candidate.width]) * exp(Double(candidate.logit - largest.logit) / temperature)
            },
            targets: question.targets.indices.map { index in
                reports.map { $0[Self.fixed + 2 * self.best + index] }.max() ?? -.infinity
            },
            isDamaged: candidates.contains(where: \.isDamaged))
    }
}

extension Gemma {
    /// As ``chooseTokens(_:for:damaged:)``, where some sequences ask for more than their most probable token.
    func answerQuestions(
        _ logits: MatrixView, of sequences: [Sequence], damaged: Set<Int>
    ) throws(CollectiveError) {
        let questions = sequences.flatMap { sequence in
            sequence.lanes.indices.map { sequence.question(row: $0) ?? HeadQuestion() }
        }
        let report = HeadReport(questions)
        let own = Matrix(rows: logits.rows, columns: report.width)
        let all = Matrix(rows: group.count * logits.rows, columns: report.width)
        let (view, first) = (own.view, slice.vocabulary.lowerBound)
        team.run(logits.rows) { [kernels, team] row, thread in
            report.fill(
                view.row(row), logits, row: row, firstToken: first, isDamaged: damaged.contains(row),
                kernels: kernels, scratch: team.scratch(thread: thread, count: max(1, logits.columns)))
        }
        try group.gatherCopies(of: own.view, into: all.view, as: .float32)
        let vocabularies = try vocabularies()
        let answers = questions.indices.map { row in
            report.answer(
                row: row, (0..<group.count).map { all.view.row($0 * logits.rows + row) },
                vocabularies: vocabularies.map(\.count))
        }
        try take(answers, logits, of: sequences)
    }

    private func take(
        _ answers: [HeadAnswer], _ logits: MatrixView, of sequences: [Sequence]
    ) throws(CollectiveError) {
        var draws: [Draw] = []
        var row = 0
        for sequence in sequences {
            let own = Array(answers[row..<row + sequence.lanes.count])
            if own.contains(where: \.isDamaged) {
                sequence.finish = .damaged
            } else {
                switch sequence.decoding.method {
                case .sampling(let sampling):
                    draws.append(Draw(sequence: sequence, row: row, answer: own[0], sampling))
                case .greedy: append(own[0].maximum, own[0], to: sequence)
                case .beams, .choices: sequence.advance(own)
                }
            }
            row += own.count
        }
        for (draw, token) in zip(draws, try drawTokens(draws, logits)) {
            append(token, draw.answer, to: draw.sequence)
        }
    }

    private func append(_ token: TokenLogit, _ answer: HeadAnswer, to sequence: Sequence) {
        sequence.append(
            token.token, logProbability: answer.logProbability(of: token.logit), endToken: endToken)
        let count = sequence.decoding.topLogProbabilities
        if count > 0, sequence.finish != .stop {
            sequence.topTokens.append(answer.best.prefix(count).map(answer.probability(of:)))
        }
    }

    /// Every rank's part of the vocabulary.
    func vocabularies() throws(CollectiveError) -> [Range<Int>] {
        if let keptVocabularies { return keptVocabularies }
        let own = Matrix(rows: 1, columns: 2)
        let all = Matrix(rows: group.count, columns: 2)
        // Ids below 2²⁴ are exact in float32.
        own.view.row(0)[0] = Float(slice.vocabulary.lowerBound)
        own.view.row(0)[1] = Float(slice.vocabulary.upperBound)
        try group.gatherCopies(of: own.view, into: all.view, as: .float32)
        let ranges = (0..<group.count).map { Int(all.view.row($0)[0])..<Int(all.view.row($0)[1]) }
        keptVocabularies = ranges
        return ranges
    }
}
