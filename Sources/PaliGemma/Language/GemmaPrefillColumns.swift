/// A prefill whose MLP is computed by columns, for ranks whose hosts have no room for the whole MLP, and for prefixes so
/// short that widening all of it on every rank would cost more than it saves:
///
///     own rows:   attend to the whole prefix, output projection, norm
///     by blocks:  gather the block's rows | this rank's MLP columns | send each rank its rows' partial sums
///     own rows:   sum, then norm, k and v of the next layer
///
/// The transfers of one block run under the arithmetic of the next.
extension Gemma {
    func computeByColumns(_ index: Int, _ layer: TextLayerWeights, _ pass: inout PrefillPass) throws(CollectiveError) {
        for block in 0..<pass.rows.blocks {
            attend(layer, pass, block)
            try beginGather(layer, &pass, block)
        }
        for block in 0..<pass.rows.blocks { try feedForward(layer, &pass, block) }
        for block in 0..<pass.rows.blocks {
            try finishSum(layer, &pass, block)
            try beginKeysAndValues(index + 1, &pass, block)
        }
    }

    private func beginGather(
        _ layer: TextLayerWeights, _ pass: inout PrefillPass, _ block: Int
    ) throws(CollectiveError) {
        let chunk = pass.rows.chunk(block, of: group.rank)
        rmsNorm(pass.x(chunk), layer.mlpNorm, into: pass.normed(chunk))
        pass.gathers[block] = try group.gather(
            pass.normed(chunk), into: pass.gathered(block), ranges: pass.rows.placed(block), as: group.link)
    }

    /// This rank's MLP columns for all rows of a block, and the partial sums on their way to the rows' owners.
    private func feedForward(
        _ layer: TextLayerWeights, _ pass: inout PrefillPass, _ block: Int
    ) throws(CollectiveError) {
        try pass.gathers[block]?.wait()
        pass.gathers[block] = nil
        if block >= 2 { try finishSum(layer, &pass, block - 2) }  // its buffers are needed again
        let gathered = pass.gathered(block)
        let partial = pass.partial(block)
        feedForward(
            layer, parts: pass.buffers.parts, gathered, hidden: pass.buffers.hidden.view.rows(0..<gathered.rows),
            into: partial, accumulate: false, adapters: pass.gatheredAdapters(block))
        pass.sums[block] = try group.exchange(
            partial, ranges: pass.rows.placed(block),
            into: pass.received(block, rows: pass.rows.chunk(block, of: group.rank).count), as: group.link)
    }

    /// x += the sum of what all ranks computed for a chunk of own rows, in rank order; the sum's norm is between where
    /// there is one.
    private func finishSum(
        _ layer: TextLayerWeights, _ pass: inout PrefillPass, _ block: Int
    ) throws(CollectiveError) {
        guard let pending = pass.sums[block] else { return }
        try pending.wait()
        pass.sums[block] = nil
        let x = pass.x(pass.rows.chunk(block, of: group.rank))
        let received = pass.received(block, rows: x.rows)
        // With a norm the first rank's piece becomes the sum.
        let sum = layer.mlpOutputNorm == nil ? x : received.rows(0..<x.rows)
        let first = layer.mlpOutputNorm == nil ? 0 : 1
        team.rows(x.rows) { [kernels, ranks = group.count] range in
            for rank in first..<ranks {
                kernels.add(
                    sum.rows(range), received.rows(rank * x.rows + range.lowerBound..<rank * x.rows + range.upperBound))
            }
        }
        if let norm = layer.mlpOutputNorm { add(sum, normedBy: norm, to: x) }
    }
}
