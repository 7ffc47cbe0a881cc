import Tensor

/// The prefixes of a micro-batch through the layers, sequence parallel: every rank owns t of the T rows and takes them through
/// a layer from end to end. Only keys and values are all-gathered (8.4 MB a layer at 896 px).
///
///     x [t, D]              embedded text, projected features
///     for each layer
///         h [t, D]          = norm(x)
///         k, v [t, K·H]     = h · Wkᵀ rotated, h · Wvᵀ           all-gathered: [T, K·H]
///         q [t, N·H]        = h · Wqᵀ rotated
///         a [t, N·H]        = softmax(rule(q · kᵀ)) · v          over all keys of the row's own sequence, no mask
///         x                += norm?(a · Woᵀ)
///         h [t, D]          = norm(x)
///         x                += norm?((gelu(h · Wgᵀ) * (h · Wuᵀ)) · Wdᵀ)
///
/// Own rows are cut into chunks; ``ChunkPipeline`` lets the transfer of one chunk run under the arithmetic of the next.
extension Gemma {
    /// Prefills sequences and chooses the first token of each.
    ///
    /// - Throws: ``CollectiveError`` where the group or the features are lost.
    package func prefill(_ sequences: [Sequence], features: some FeatureSource) throws(CollectiveError) {
        let packed = PackedPrefixes(sequences, tokensPerPicture: tokensPerPicture)
        let rows = PrefillRows(total: packed.total, ranks: group.count, cut: cut)
        let pass = PrefillPass(packed: packed, rows: rows, rank: group.rank, buffers: prefillBuffers(for: rows))
        rotary.extend(to: rotaryPosition(sequences.map(\.positions).max() ?? 0))
        for sequence in sequences { openCache(of: sequence) }

        pass.pipeline.each { chunk throws(CollectiveError) in try self.embed(chunk, pass, features) }
        for index in weights.layers.indices.dropLast() { try prefillLayer(index, pass) }
        try lastPrefillLayer(sequences, pass)
    }

    private func prefillLayer(_ index: Int, _ pass: PrefillPass) throws(CollectiveError) {
        let layer = weights.layers[index]
        addKeysAndValues(index, pass)
        // The layer before ends here as well: its last steps and these go through the pipeline together, so that one chunk's
        // keys and values travel while the next chunk is computed.
        try pass.pipeline.run()
        onActivation?(.residualStream(layer: index), pass.x(rows: pass.own))
        projectQueries(layer, pass)  // while the last chunk's keys and values travel
        try storeKeysAndValues(index, pass)

        let heads = attention.prepare(attentionHeads(pass))
        pass.pipeline.each { [self] chunk in
            let (x, branch) = (pass.x(chunk), pass.branch(chunk))
            attention(attentionBlocks(chunk, pass), over: heads)
            linear(pass.attentionOutput(chunk), layer.output, into: branch, context: pass.context(chunk))
            addResidual(branch, norm: layer.attentionOutputNorm, to: x)
        }
        switch pass.rows.split {
        case .rows:
            pass.pipeline.each { [self] chunk in
                let (x, normed, branch) = (pass.x(chunk), pass.normed(chunk), pass.branch(chunk))
                rmsNorm(x, layer.mlpNorm, into: normed)
                feedForward(
                    layer, parts: pass.buffers.parts, normed, hidden: pass.hidden(chunk), into: branch,
                    context: pass.context(chunk))
                addResidual(branch, norm: layer.mlpOutputNorm, to: x)
            }
        case .columns: try columnParallelMLP(layer, pass)
        }
    }

    /// Adds to the pipeline: h = norm(x), k and v of a chunk, on their way to all ranks.
    private func addKeysAndValues(_ index: Int, _ pass: PrefillPass) {
        let layer = weights.layers[index]
        pass.pipeline.each { [self] chunk throws(CollectiveError) in
            rmsNorm(pass.x(chunk), layer.attentionNorm, into: pass.normed(chunk))
            projectKeysAndValues(layer, chunk, pass)
            pass.keysAndValues[chunk] = try group.allGather(
                pass.ownKeyValue(chunk), into: pass.keyValue, ranges: pass.ranges(chunk), as: group.link)
        }
    }

    /// Waits for the keys and values of all ranks, and stores those of the heads that this rank decodes with.
    private func storeKeysAndValues(_ index: Int, _ pass: PrefillPass) throws(CollectiveError) {
        for chunk in 0..<pass.rows.blocks { try pass.keysAndValues.wait(chunk) }
        storeCache(index, pass)
    }

    /// The last layer: its keys and values are needed of all rows, everything else only of each prefix's last row, which goes on
    /// as a decoding step does.
    private func lastPrefillLayer(_ sequences: [Sequence], _ pass: PrefillPass) throws(CollectiveError) {
        let last = weights.layers.count - 1
        addKeysAndValues(last, pass)
        try pass.pipeline.run()
        onActivation?(.residualStream(layer: last), pass.x(rows: pass.own))
        try storeKeysAndValues(last, pass)
        let step = DecodeStep(
            rows: sequences.flatMap(\.rows), buffers: decodeBuffers(for: sequences.count),
            context: ProductContext(
                phase: .prefill, adapters: RowAdapters(sequences.map { ($0.adapter, 1) })))
        try gatherLastRows(pass, into: step.x)
        try decodeLayer(last, step, keysAndValues: .stored)
        onActivation?(.residualStream(layer: last + 1), step.x)
        try chooseTokens(step, for: sequences, damaged: pass.damaged)
    }

    /// x [B, D] = the last row of each prefix, on every rank.
    private func gatherLastRows(_ pass: PrefillPass, into x: MatrixView) throws(CollectiveError) {
        let lastRows = pass.packed.ranges.map { $0.upperBound - 1 }
        let owners = lastRows.map { pass.rows.owner(of: $0) }
        let ranges = (0..<group.count).map { rank -> Range<Int> in
            let first = owners.firstIndex { $0 >= rank } ?? owners.count
            return first..<first + owners.count { $0 == rank }
        }
        let own = decodeBuffers(for: x.rows).partial(ranges[group.rank].count)
        for (row, sequence) in ranges[group.rank].enumerated() {
            own.rows(row..<row + 1).copy(from: pass.x(rows: lastRows[sequence]..<lastRows[sequence] + 1))
        }
        try group.allGather(own, into: x, ranges: ranges, as: .float32).wait()
    }

    private func openCache(of sequence: Sequence) {
        let width = slice.keyValueHeads(configuration).count * configuration.headWidth
        sequence.open(layers: configuration.layers, width: width, endTokens: endTokens)
    }

    private func prefillBuffers(for rows: PrefillRows) -> PrefillBuffers {
        if let kept = keptPrefillBuffers, kept.fits(rows, rank: group.rank) { return kept }
        keptPrefillBuffers = nil  // the smaller ones go before the larger ones come
        let buffers = PrefillBuffers(
            rows, rank: group.rank, configuration, slice, quantized: weights.isQuantized)
        keptPrefillBuffers = buffers
        return buffers
    }
}
