import DecodingSettings
import Tensor

/// A token that is to be drawn at random.
struct Draw {
    let sequence: Sequence
    /// Of the step's logits.
    let row: Int
    let answer: HeadAnswer
    let sampler: Sampler

    init(sequence: Sequence, row: Int, answer: HeadAnswer, _ sampling: Sampling) {
        self.sequence = sequence
        self.row = row
        self.answer = answer
        sampler = Sampler(
            settings: sampling, uniform: Philox(seed: sampling.seed).uniform(step: sequence.tokens.count),
            maximum: answer.maximum.logit, total: answer.masses.reduce(0, +))
    }

    /// The rank in whose part of the vocabulary an uncut draw falls, and the mass before it there.
    func place() -> (rank: Int, mass: Double) {
        let target = sampler.uniform * sampler.total
        var passed = 0.0
        for (rank, mass) in answer.masses.enumerated() {
            if target < passed + mass { return (rank, target - passed) }
            passed += mass
        }
        // A rounding put it behind everything: the last token that can be.
        return (answer.masses.lastIndex { $0 > 0 } ?? 0, .infinity)
    }
}

extension Gemma {
    /// Draws tokens, all ranks the same. Cut draws rest on the largest logits, which all ranks know; only where these
    /// hold too little of the mass, or end among equal ones, are all logits of a row gathered. Of an uncut draw all ranks
    /// know in whose part of the vocabulary it falls, and that rank tells the token.
    func drawTokens(_ draws: [Draw], _ logits: MatrixView) throws(CollectiveError) -> [TokenLogit] {
        var tokens = draws.map { draw -> TokenLogit? in
            draw.sampler.settings.isUncut ? nil : draw.sampler.draw(draw.answer.best, bound: draw.answer.bound)
        }
        let uncut = draws.indices.filter { draws[$0].sampler.settings.isUncut }
        if !uncut.isEmpty {
            let told = try tokensOfOwners(uncut.map { draws[$0] }, logits)
            for (index, token) in zip(uncut, told) { tokens[index] = token }
        }
        let open = draws.indices.filter { tokens[$0] == nil }
        if !open.isEmpty {
            for (index, token) in zip(open, try tokensOfAll(open.map { draws[$0] }, logits)) { tokens[index] = token }
        }
        return zip(draws, tokens).map { $1 ?? $0.answer.maximum }
    }

    private func tokensOfOwners(_ draws: [Draw], _ logits: MatrixView) throws(CollectiveError) -> [TokenLogit] {
        let own = Matrix(rows: draws.count, columns: 2)
        let all = Matrix(rows: group.count * draws.count, columns: 2)
        let (view, first) = (own.view, slice.vocabulary.lowerBound)
        own.view.fill(0)
        let places = draws.map { $0.place() }
        let mine = draws.indices.filter { places[$0].rank == group.rank }
        let tasks = mine.map { (index: $0, row: draws[$0].row, sampler: draws[$0].sampler, mass: places[$0].mass) }
        team.run(tasks.count) { task, _ in
            let (row, sampler) = (logits.row(tasks[task].row), tasks[task].sampler)
            var (passed, column) = (0.0, 0)
            for candidate in 0..<logits.columns {
                let weight = sampler.weight(row[candidate])
                guard weight > 0 else { continue }
                column = candidate
                passed += weight
                if passed > tasks[task].mass { break }
            }
            view.row(tasks[task].index)[0] = Float(first + column)
            view.row(tasks[task].index)[1] = row[column]
        }
        try group.gatherCopies(of: own.view, into: all.view, as: .float32)
        return draws.indices.map { index in
            let told = all.view.row(places[index].rank * draws.count + index)
            return TokenLogit(token: Int32(told[0]), logit: told[1])
        }
    }

    /// The same where all logits have to be known.
    private func tokensOfAll(_ draws: [Draw], _ logits: MatrixView) throws(CollectiveError) -> [TokenLogit] {
        let (count, ranges) = (configuration.vocabulary, try vocabularies())
        let all = Matrix(rows: draws.count * count, columns: 1)
        for (index, draw) in draws.enumerated() {
            let own = MatrixView(base: logits.row(draw.row), rows: logits.columns, columns: 1)
            let row = all.view.rows(index * count..<(index + 1) * count)
            try group.gather(own, into: row, ranges: ranges, as: .float32).wait()
        }
        let told = Matrix(rows: draws.count, columns: 2)
        let (view, out, samplers) = (all.view, told.view, draws.map(\.sampler))
        team.run(draws.count) { index, _ in
            let row = UnsafeBufferPointer(start: view.row(index * count), count: count)
            let token = samplers[index].draw(row) ?? TokenLogit(token: -1, logit: 0)
            out.row(index)[0] = Float(token.token)
            out.row(index)[1] = token.logit
        }
        return draws.indices.map { index in
            let token = TokenLogit(token: Int32(told.view.row(index)[0]), logit: told.view.row(index)[1])
            return token.token < 0 ? draws[index].answer.maximum : token
        }
    }
}
