import DecodingSettings
import Tensor

/// A token that is to be sampled.
struct TokenSample {
    let sequence: Sequence
    /// The row of the step.
    let row: Int
    let summary: LogitSummary
    /// The rank's part of the row: own V logits, or the scores that rules made of them.
    let scores: UnsafeMutablePointer<Float>
    let sampler: Sampler

    init(sequence: Sequence, row: Int, outlook: RowOutlook, _ sampling: Sampling) {
        self.sequence = sequence
        self.row = row
        summary = outlook.deciding
        scores = outlook.scores
        sampler = Sampler(
            settings: sampling, uniform: Philox(seed: sampling.seed).uniform(step: sequence.tokens.count),
            maximum: summary.maximum.logit, total: summary.masses.reduce(0, +))
    }

    /// Returns the rank in whose part of the vocabulary an uncut sample falls, and the probability mass before it there.
    func place() -> (rank: Int, mass: Double) {
        let target = sampler.uniform * sampler.total
        var passed = 0.0
        for (rank, mass) in summary.masses.enumerated() {
            if target < passed + mass { return (rank, target - passed) }
            passed += mass
        }
        // A rounding put it behind everything: take the last token that is possible.
        return (summary.masses.lastIndex { $0 > 0 } ?? 0, .infinity)
    }
}

/// What a thread does where a sample falls into the rank's part of the vocabulary.
private struct OwnSample: @unchecked Sendable {
    // @unchecked: the scores are only read, and outlive the step.

    /// The index among the samples.
    let index: Int
    let scores: UnsafeMutablePointer<Float>
    let sampler: Sampler
    /// The probability mass before the sample in this part.
    let mass: Double
}

extension Gemma {
    /// Samples tokens, on all ranks the same ones.
    ///
    /// - With `top_k` or `top_p` the largest logits suffice, which all ranks know; only where these hold too little of the
    ///   probability mass, or end among equal ones, all logits of the row are gathered.
    /// - Without a cut all ranks know in whose part of the vocabulary the sample falls, and that rank sends the token.
    func sampleTokens(_ samples: [TokenSample], columns: Int) throws(CollectiveError) -> [TokenLogit] {
        var tokens = samples.map { sample -> TokenLogit? in
            sample.sampler.settings.isUncut
                ? nil : sample.sampler.sample(sample.summary.best, bound: sample.summary.bound)
        }
        let uncut = samples.indices.filter { samples[$0].sampler.settings.isUncut }
        if !uncut.isEmpty {
            let told = try tokensOfOwners(uncut.map { samples[$0] }, columns: columns)
            for (index, token) in zip(uncut, told) { tokens[index] = token }
        }
        let open = samples.indices.filter { tokens[$0] == nil }
        if !open.isEmpty {
            for (index, token) in zip(open, try tokensOfAll(open.map { samples[$0] }, columns: columns)) {
                tokens[index] = token
            }
        }
        return zip(samples, tokens).map { $1 ?? $0.summary.choice }
    }

    /// Lets the rank in whose part of the vocabulary a sample falls choose the token.
    private func tokensOfOwners(_ samples: [TokenSample], columns: Int) throws(CollectiveError) -> [TokenLogit] {
        let own = Matrix(rows: samples.count, columns: 2)
        let all = Matrix(rows: group.count * samples.count, columns: 2)
        let (view, first) = (own.view, slice.vocabulary.lowerBound)
        own.view.fill(0)
        let places = samples.map { $0.place() }
        let mine = samples.indices.filter { places[$0].rank == group.rank }
        let tasks = mine.map {
            OwnSample(
                index: $0, scores: samples[$0].scores, sampler: samples[$0].sampler, mass: places[$0].mass)
        }
        team.run(tasks.count) { task, _ in
            let (row, sampler) = (tasks[task].scores, tasks[task].sampler)
            var (passed, column) = (0.0, 0)
            for candidate in 0..<columns {
                let weight = sampler.weight(row[candidate])
                guard weight > 0 else { continue }
                column = candidate
                passed += weight
                if passed > tasks[task].mass { break }
            }
            view.row(tasks[task].index)[0] = Float(first + column)
            view.row(tasks[task].index)[1] = row[column]
        }
        try group.allGatherCopies(of: own.view, into: all.view, as: .float32)
        return samples.indices.map { index in
            let told = all.view.row(places[index].rank * samples.count + index)
            return TokenLogit(token: Int32(told[0]), logit: told[1])
        }
    }

    /// Samples where all logits of a row have to be known.
    private func tokensOfAll(_ samples: [TokenSample], columns: Int) throws(CollectiveError) -> [TokenLogit] {
        let (count, ranges) = (configuration.vocabulary, try vocabularies())
        let all = Matrix(rows: samples.count * count, columns: 1)
        for (index, sample) in samples.enumerated() {
            let own = MatrixView(base: sample.scores, rows: columns, columns: 1)
            let row = all.view.rows(index * count..<(index + 1) * count)
            try group.allGather(own, into: row, ranges: ranges, as: .float32).wait()
        }
        let told = Matrix(rows: samples.count, columns: 2)
        let (view, out, samplers) = (all.view, told.view, samples.map(\.sampler))
        team.run(samples.count) { index, _ in
            let row = UnsafeBufferPointer(start: view.row(index * count), count: count)
            let token = samplers[index].sample(row) ?? TokenLogit(token: -1, logit: 0)
            out.row(index)[0] = Float(token.token)
            out.row(index)[1] = token.logit
        }
        return samples.indices.map { index in
            let token = TokenLogit(token: Int32(told.view.row(index)[0]), logit: told.view.row(index)[1])
            return token.token < 0 ? samples[index].summary.choice : token
        }
    }
}
