import Tensor

/// Where a prefill finds the vision tower's features: they arrive while it runs.
package protocol FeatureSource {
    /// The features [n, vision width] of rows of this rank's share; waits until they are there.
    ///
    /// - Parameters:
    ///   - picture: of the sequence, counted from 0.
    ///   - rows: of the picture.
    /// - Returns: nil where they were damaged on their way.
    func features(of sequence: Sequence, picture: Int, rows: Range<Int>) throws(CollectiveError) -> MatrixView?
}

/// Prefixes through the layers, by rows of the packed sequences. Every rank owns a share of the rows, cut into chunks:
///
///     own rows:     the queries, while the last keys and values travel
///     by chunks:    attend to the whole prefix, output projection, MLP, then norm, k and v of the next layer,
///                   which are gathered from all ranks while the next chunk computes (8.4 MB a layer at 896 px)
///
/// There is no mask: a prefix sees all of itself. Where the whole MLP has no room on a rank's host, it is computed by
/// columns instead (GemmaPrefillColumns.swift).
extension Gemma {
    /// Prefills sequences and chooses the first token of each.
    ///
    /// - Throws: ``CollectiveError`` where the group or the features are lost.
    package func prefill(_ sequences: [Sequence], features: some FeatureSource) throws(CollectiveError) {
        meter.phase = .prefill
        let packed = PackedPrefixes(sequences, tokensPerPicture: tokensPerPicture)
        let rows = PrefillRows(total: packed.total, ranks: group.count, cut: cut)
        let buffers = prefillBuffers(for: rows)
        rotary.extend(to: rotaryPosition(sequences.map(\.places).max() ?? 0))
        for sequence in sequences { openCache(of: sequence) }

        var pass = PrefillPass(packed: packed, rows: rows, own: rows.owned(by: group.rank), buffers: buffers)
        for block in 0..<rows.blocks {
            try embed(&pass, block, features)
            try beginKeysAndValues(0, &pass, block)
        }
        observer?("embedding", pass.x(pass.own))
        // Of the last layer only each prefix's last row asks, and it does so as a decoding step.
        let last = weights.layers.count - 1
        for (index, layer) in weights.layers[..<last].enumerated() {
            projectQueries(layer, pass)
            try finishKeysAndValues(index, &pass)
            switch rows.split {
            case .rows: try computeByRows(index, layer, &pass)
            case .columns: try computeByColumns(index, layer, &pass)
            }
            observer?("layer \(index)", pass.x(pass.own))
        }
        try finishKeysAndValues(last, &pass)
        try finishPrefill(sequences, pass)
    }

    /// A layer behind its queries, keys and values, and the next layer's keys and values: every chunk of own rows
    /// from end to end.
    private func computeByRows(
        _ index: Int, _ layer: TextLayerWeights, _ pass: inout PrefillPass
    ) throws(CollectiveError) {
        for block in 0..<pass.rows.blocks {
            attend(layer, pass, block)
            let chunk = pass.rows.chunk(block, of: group.rank)
            let (x, normed) = (pass.x(chunk), pass.normed(chunk))
            let hidden = pass.buffers.hidden.view.rows(0..<chunk.count)
            let adapters = pass.adapters(chunk)
            rmsNorm(x, layer.mlpNorm, into: normed)
            if let norm = layer.mlpOutputNorm {
                let branch = pass.buffers.branch.view.rows(0..<chunk.count)
                feedForward(
                    layer, parts: pass.buffers.parts, normed, hidden: hidden, into: branch, accumulate: false,
                    adapters: adapters)
                add(branch, normedBy: norm, to: x)
            } else {
                feedForward(
                    layer, parts: pass.buffers.parts, normed, hidden: hidden, into: x, accumulate: true,
                    adapters: adapters)
            }
            try beginKeysAndValues(index + 1, &pass, block)
        }
    }

    /// k and v of a chunk of own rows, on their way to all ranks. What is normed for them stays for the queries.
    func beginKeysAndValues(_ index: Int, _ pass: inout PrefillPass, _ block: Int) throws(CollectiveError) {
        let layer = weights.layers[index]
        let chunk = pass.rows.chunk(block, of: group.rank)
        let (normed, keyValue) = (pass.normed(chunk), pass.ownKeyValue(chunk))
        let width = configuration.keyValueWidth
        rmsNorm(pass.x(chunk), layer.attentionNorm, into: normed)
        linear(
            normed,
            [
                Linear.Product(weight: layer.key, y: keyValue.columns(0..<width)),
                Linear.Product(weight: layer.value, y: keyValue.columns(width..<2 * width)),
            ], adapters: pass.adapters(chunk))
        rotate(keyValue, heads: configuration.keyValueHeads, chunk, pass)
        pass.keysAndValues[block] = try group.gather(
            keyValue, into: pass.keyValue,
            ranges: (0..<group.count).map { pass.rows.chunk(block, of: $0) }, as: group.link)
    }

    /// k and v of all rows of all ranks are here; the heads that this rank decodes with go into the caches.
    private func finishKeysAndValues(_ index: Int, _ pass: inout PrefillPass) throws(CollectiveError) {
        for block in 0..<pass.rows.blocks {
            try pass.keysAndValues[block]?.wait()
            pass.keysAndValues[block] = nil
        }
        storeCache(index, pass)
        if index < weights.layers.count - 1 { attention.prepare(attentionHeads(pass)) }
    }

    /// q of all own rows, under the transfer of the last keys and values.
    private func projectQueries(_ layer: TextLayerWeights, _ pass: PrefillPass) {
        let query = pass.query(pass.own)
        linear(pass.normed(pass.own), layer.query, into: query, adapters: pass.adapters(pass.own))
        rotate(query, heads: configuration.heads, pass.own, pass)
    }

    /// Turns the heads at the front of rows, which are the prefill's rows `range`, by their positions.
    private func rotate(_ view: MatrixView, heads: Int, _ range: Range<Int>, _ pass: PrefillPass) {
        let positions = range.map { rotaryPosition(pass.packed.place(of: $0)) }
        team.rows(range.count) { [rotary, kernels] part in
            for row in part {
                rotary.rotate(view.row(row), heads: heads, position: positions[row], kernels: kernels)
            }
        }
    }

    /// x of the layer before the first: text embeddings, and the features of pictures through the projector.
    private func embed(
        _ pass: inout PrefillPass, _ block: Int, _ features: some FeatureSource
    ) throws(CollectiveError) {
        for segment in pass.packed.segments(in: pass.rows.chunk(block, of: group.rank)) {
            let x = pass.x(segment.rows)
            switch segment.content {
            case .picture(let picture, let rows):
                let sequence = pass.packed.sequences[segment.sequence]
                if let seen = try features.features(of: sequence, picture: picture, rows: rows) {
                    linear(
                        seen, projector.weight, into: x, bias: projector.bias, adapters: pass.adapters(segment.rows))
                } else {
                    // Its neighbours go on; the group hears of it when the first token is chosen.
                    x.fill(0)
                    pass.damaged.insert(segment.sequence)
                }
            case .text(let tokens):
                for (row, token) in tokens.enumerated() { embed(token, into: x.row(row)) }
            }
        }
    }

    /// Copies the heads that this rank decodes with into the sequences' caches.
    private func storeCache(_ layer: Int, _ pass: PrefillPass) {
        let heads = slice.keyValueHeads(configuration)
        let (head, width) = (configuration.headWidth, configuration.keyValueWidth)
        let columns = heads.lowerBound * head..<heads.upperBound * head
        for (sequence, rows) in zip(pass.packed.sequences, pass.packed.ranges) {
            guard let lane = sequence.lanes.first else { continue }
            let cache = lane.prefix
            let all = pass.keyValue.rows(rows)
            let (keys, values) = (cache.keys(layer).rows(0..<rows.count), cache.values(layer).rows(0..<rows.count))
            team.rows(rows.count, by: 256) { range in
                keys.rows(range).copy(from: all.columns(0..<width).columns(columns).rows(range))
                values.rows(range).copy(from: all.columns(width..<2 * width).columns(columns).rows(range))
            }
            lane.count = rows.count
        }
    }

    /// x += output · attention of a chunk of own rows.
    func attend(_ layer: TextLayerWeights, _ pass: PrefillPass, _ block: Int) {
        let chunk = pass.rows.chunk(block, of: group.rank)
        let mixed = pass.mixed(chunk)
        attention(attentionBlocks(pass, chunk))
        guard let norm = layer.attentionOutputNorm else {
            return linear(
                mixed, layer.output, into: pass.x(chunk), accumulate: true, adapters: pass.adapters(chunk))
        }
        let branch = pass.buffers.branch.view.rows(0..<chunk.count)
        linear(mixed, layer.output, into: branch, adapters: pass.adapters(chunk))
        add(branch, normedBy: norm, to: pass.x(chunk))
    }

    /// Keys and values of every key/value head of every sequence.
    private func attentionHeads(_ pass: PrefillPass) -> [TiledAttention.Head] {
        let (head, width) = (configuration.headWidth, configuration.keyValueWidth)
        return pass.packed.ranges.flatMap { rows in
            let keyValue = pass.keyValue.rows(rows)
            return (0..<configuration.keyValueHeads).map { index in
                let columns = index * head..<(index + 1) * head
                return TiledAttention.Head(
                    key: keyValue.columns(0..<width).columns(columns),
                    value: keyValue.columns(width..<2 * width).columns(columns))
            }
        }
    }

    /// The chunk's queries in pieces that a thread attends alone, each against its whole sequence.
    private func attentionBlocks(_ pass: PrefillPass, _ chunk: Range<Int>) -> [TiledAttention.Block] {
        // One key/value head serves all query heads of a row: they stand as rows of one product.
        let folded = configuration.keyValueHeads == 1
        let step = max(1, TiledAttention.queryRows / (folded ? configuration.heads : 1))
        return pass.packed.overlaps(chunk).flatMap { sequence, rows -> [TiledAttention.Block] in
            stride(from: rows.lowerBound, to: rows.upperBound, by: step).flatMap { start in
                let piece = start..<min(start + step, rows.upperBound)
                let (query, out) = (pass.query(piece), pass.mixed(piece))
                return folded
                    ? [foldedBlock(sequence, query: query, out: out)]
                    : (0..<configuration.heads).map { block(sequence, head: $0, query: query, out: out) }
            }
        }
    }

    /// All query heads of some rows [T, N·H] as [T·N, H], over the one key/value head.
    private func foldedBlock(_ sequence: Int, query: MatrixView, out: MatrixView) -> TiledAttention.Block {
        let (rows, width) = (query.rows * configuration.heads, configuration.headWidth)
        return TiledAttention.Block(
            head: sequence, query: query.reshaped(rows: rows, columns: width),
            out: out.reshaped(rows: rows, columns: width))
    }

    /// One query head over its key/value head.
    private func block(_ sequence: Int, head: Int, query: MatrixView, out: MatrixView) -> TiledAttention.Block {
        let columns = head * configuration.headWidth..<(head + 1) * configuration.headWidth
        let shared = head / (configuration.heads / configuration.keyValueHeads)
        return TiledAttention.Block(
            head: sequence * configuration.keyValueHeads + shared, query: query.columns(columns),
            out: out.columns(columns))
    }

    /// Of the last layer only each prefix's last row matters: it is gathered and goes on as a decoding step does.
    private func finishPrefill(_ sequences: [Sequence], _ pass: PrefillPass) throws(CollectiveError) {
        let lastRows = pass.packed.ranges.map { $0.upperBound - 1 }
        let owners = lastRows.map { pass.rows.owner(of: $0) }
        let ranges = (0..<group.count).map { rank -> Range<Int> in
            let first = owners.firstIndex { $0 >= rank } ?? owners.count
            return first..<first + owners.filter { $0 == rank }.count
        }
        let buffers = decodeBuffers(for: sequences.count)
        let (own, x) = (buffers.partial(ranges[group.rank].count), buffers.x(sequences.count))
        for (row, sequence) in ranges[group.rank].enumerated() {
            own.rows(row..<row + 1).copy(from: pass.x(lastRows[sequence]..<lastRows[sequence] + 1))
        }
        try group.gather(own, into: x, ranges: ranges, as: .float32).wait()
        let last = weights.layers.count - 1
        let normed = buffers.normed(sequences.count)
        rmsNorm(x, weights.layers[last].attentionNorm, into: normed)
        try decodeLayer(
            last, weights.layers[last], x, normed: normed, sequences.flatMap(\.lanes),
            RowAdapters(sequences.map { ($0.adapter, 1) }))
        observer?("layer \(last)", x)
        try chooseTokens(x, for: sequences, damaged: pass.damaged)
    }

    private func openCache(of sequence: Sequence) {
        let width = slice.keyValueHeads(configuration).count * configuration.headWidth
        sequence.open(layers: configuration.layers, width: width, endToken: endToken)
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
