/// The MLP of a prefill, column parallel: for ranks whose hosts have no room for the whole MLP, and for prefixes so short that
/// widening all of its weights on every rank would cost more than it saves.
///
///     own rows of a block       h = norm(x)                                               all-gathered: [block, D]
///     all rows of the block     p [block, D] = (gelu(h · Wgᵀ) * (h · Wuᵀ)) · Wdᵀ          over this rank's columns
///     own rows                  s = sum over the ranks of p, in rank order                reduce-scattered
///                               x += norm?(s)
///
/// The transfers of one block run under the arithmetic of the next.
extension Gemma {
    func columnParallelMLP(_ layer: TextLayerWeights, _ pass: PrefillPass) throws(CollectiveError) {
        pass.pipeline.each { [self] block throws(CollectiveError) in
            rmsNorm(pass.x(block), layer.mlpNorm, into: pass.normed(block))
            pass.normedRows[block] = try group.allGather(
                pass.normed(block), into: pass.gathered(block), ranges: pass.rows.placed(block), as: group.link)
        }
        try pass.pipeline.run()
        pass.pipeline.each { [self] block throws(CollectiveError) in
            try pass.normedRows.wait(block)
            if block >= 2 { try addSum(block - 2, layer, pass) }  // its buffers are needed again
            let (gathered, partial) = (pass.gathered(block), pass.partial(block))
            feedForward(
                layer, parts: pass.buffers.parts, gathered, hidden: pass.buffers.hidden.view.rows(0..<gathered.rows),
                into: partial, context: pass.gatheredContext(block))
            pass.sums[block] = try group.allToAll(
                partial, ranges: pass.rows.placed(block), into: pass.received(block), as: group.link)
        }
        try pass.pipeline.run()
        pass.pipeline.each { [self] block throws(CollectiveError) in try addSum(block, layer, pass) }
    }

    /// x [c, D] += the sum of what all ranks computed for a chunk of own rows, added in rank order. Does nothing where that was
    /// done already.
    private func addSum(_ block: Int, _ layer: TextLayerWeights, _ pass: PrefillPass) throws(CollectiveError) {
        guard try pass.sums.wait(block) else { return }
        let x = pass.x(block)
        let received = pass.received(block)
        let sum = received.rows(0..<x.rows)
        team.rows(x.rows) { [kernels, ranks = group.count] range in
            for rank in 1..<ranks {
                kernels.add(
                    sum.rows(range), received.rows(rank * x.rows + range.lowerBound..<rank * x.rows + range.upperBound))
            }
        }
        addResidual(sum, norm: layer.mlpOutputNorm, to: x)
    }
}
