import Foundation

/// The output head, vocabulary parallel: from the last layer's rows to tokens.
///
///     h [B, D]              = norm(x)
///     logits [B, own V]     = cap(h · W_headᵀ)
///     candidate [B, 4]      = the largest own logit, its token, the sum of exponentials beside it       all-gathered
///
/// All ranks combine the same numbers in the same order, so none can choose another token. Where more is needed than the most
/// probable token, it travels with these numbers (LogitRequests.swift).
extension Gemma {
    /// Appends the next token to each sequence: the most probable one (the lowest id on ties) with its log-probability over the
    /// whole vocabulary, or what the sequence's decoding makes of the logits.
    ///
    /// - Parameters:
    ///   - step: x after the last layer; its rows are those of the sequences, one sequence after the other.
    ///   - damaged: indices of the sequences that this rank saw damaged; they end on all ranks.
    func chooseTokens(
        _ step: DecodeStep, for sequences: [Sequence], damaged: Set<Int> = []
    ) throws(CollectiveError) {
        let (x, normed, buffers) = (step.x, step.normed, step.buffers)
        let logits = buffers.logits(x.rows)
        rmsNorm(x, weights.norm, into: normed)
        linear(normed, weights.head.outputs(slice.vocabulary), into: logits, context: step.context.withoutAdapters)
        capLogits(logits)
        onActivation?(.logits, logits)

        if sequences.contains(where: { $0.logitRequest(row: 0) != nil }) {
            return try answerLogitRequests(logits, of: sequences, damaged: damaged)
        }
        let (own, first) = (buffers.candidate(x.rows), slice.vocabulary.lowerBound)
        team.run(x.rows) { [kernels] row, _ in
            var candidate = TokenCandidate(logits: logits, row: row, firstToken: first, kernels: kernels)
            candidate.isDamaged = damaged.contains(row)
            candidate.store(in: own, row: row)
        }
        let all = buffers.candidates(group.count * x.rows)
        try group.allGatherCopies(of: own, into: all, as: .float32)
        for (row, sequence) in sequences.enumerated() {
            let candidates = (0..<group.count).map { TokenCandidate(all, row: $0 * x.rows + row) }
            if candidates.contains(where: \.isDamaged) {
                sequence.finish = .damaged
                continue
            }
            let (token, logProbability) = TokenCandidate.choose(candidates)
            sequence.append(token, logProbability: logProbability, endTokens: endTokens)
        }
    }
}
