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

/// Prefixes through the layers, by rows of the packed sequences:
///
///     own rows:   norm, q k v, rotate           gather k v of all ranks (8.4 MB a layer at 896 px)
///     own rows:   attend to the whole prefix, output projection, norm
///     by blocks:  gather the block's rows | this rank's MLP columns | send each rank its rows' partial sums
///
/// The transfers of one block run under the arithmetic of the next. There is no mask: a prefix sees all of itself.
extension Gemma {
    /// Prefills sequences and chooses the first token of each.
    ///
    /// - Throws: ``CollectiveError`` where the group or the features are lost.
    package func prefill(_ sequences: [Sequence], features: some FeatureSource) throws(CollectiveError) {
        meter.phase = .prefill
        let packed = PackedPrefixes(sequences, tokensPerPicture: tokensPerPicture)
        let rows = PrefillRows(total: packed.total, ranks: group.count, blockRows: blockRows)
        let buffers = reserveBuffers(rows)
        rotary.extend(to: rotaryPosition(sequences.map(\.positions).max() ?? 0))
        for sequence in sequences { openCache(of: sequence) }

        var pass = PrefillPass(packed: packed, rows: rows, own: rows.owned(by: group.rank), buffers: buffers)
        for (index, layer) in weights.layers.enumerated() {
            try projectAttention(index, layer, &pass, features)
            if index == weights.layers.count - 1 { break }
            for block in 0..<rows.blocks {
                attend(layer, pass, block)
                try beginGather(layer, &pass, block)
            }
            for block in 0..<rows.blocks { try feedForward(layer, &pass, block) }
        }
        try finishPrefill(sequences, pass)
    }

    /// k and v of all rows of all ranks, q of the own ones; first what is left of the layer before.
    private func projectAttention(
        _ index: Int, _ layer: TextLayerWeights, _ pass: inout PrefillPass, _ features: some FeatureSource
    ) throws(CollectiveError) {
        var gathers: [any PendingTransfer] = []
        for block in 0..<pass.rows.blocks {
            if index == 0 {
                try embed(&pass, block, features)
            } else {
                try finishSum(&pass, block)
            }
            let chunk = pass.rows.chunk(block, of: group.rank)
            let (x, normed) = (pass.x(chunk), pass.normed(chunk))
            rmsNorm(x, layer.attentionNorm, into: normed)
            // Of the last layer only each prefix's last row asks, and it does so as a decoding step.
            let query = index < weights.layers.count - 1 ? pass.query(chunk) : nil
            let keyValue = pass.ownKeyValue(chunk)
            let width = configuration.keyValueWidth
            var products = [
                Linear.Product(weight: layer.key, y: keyValue.columns(0..<width)),
                Linear.Product(weight: layer.value, y: keyValue.columns(width..<2 * width)),
            ]
            if let query { products.append(Linear.Product(weight: layer.query, y: query)) }
            linear(normed, products)
            rotate(pass, chunk, query: query, keyValue: keyValue)
            gathers.append(
                try group.gather(
                    keyValue, into: pass.buffers.keyValue.view.rows(0..<pass.rows.total),
                    ranges: (0..<group.count).map { pass.rows.chunk(block, of: $0) }))
        }
        observer?(index == 0 ? "embedding" : "layer \(index - 1)", pass.x(pass.own))
        for gather in gathers { try gather.wait() }
        storeCache(index, pass)
        if index < weights.layers.count - 1 { attention.prepare(attentionHeads(pass)) }
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
                    linear(seen, projector.weight, into: x, bias: projector.bias)
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

    private func rotate(_ pass: PrefillPass, _ chunk: Range<Int>, query: MatrixView?, keyValue: MatrixView) {
        for row in chunk {
            let position = rotaryPosition(pass.packed.place(of: row))
            let (own, text) = (row - chunk.lowerBound, configuration)
            if let query { rotary.rotate(query.row(own), heads: text.heads, position: position, kernels: kernels) }
            rotary.rotate(keyValue.row(own), heads: text.keyValueHeads, position: position, kernels: kernels)
        }
    }

    /// Copies the heads that this rank decodes with into the sequences' caches.
    private func storeCache(_ layer: Int, _ pass: PrefillPass) {
        let heads = slice.keyValueHeads(configuration)
        let (head, width) = (configuration.headWidth, configuration.keyValueWidth)
        let columns = heads.lowerBound * head..<heads.upperBound * head
        for (sequence, rows) in zip(pass.packed.sequences, pass.packed.ranges) {
            guard let cache = sequence.cache else { continue }
            let all = pass.buffers.keyValue.view.rows(rows)
            let (keys, values) = (cache.keys(layer).rows(0..<rows.count), cache.values(layer).rows(0..<rows.count))
            team.rows(rows.count, by: 256) { range in
                keys.rows(range).copy(from: all.columns(0..<width).columns(columns).rows(range))
                values.rows(range).copy(from: all.columns(width..<2 * width).columns(columns).rows(range))
            }
            cache.count = rows.count
        }
    }

    /// x += output · attention of a chunk of own rows.
    private func attend(_ layer: TextLayerWeights, _ pass: PrefillPass, _ block: Int) {
        let chunk = pass.rows.chunk(block, of: group.rank)
        let mixed = pass.mixed(chunk)
        attention(attentionBlocks(pass, chunk))
        linear(mixed, layer.output, into: pass.x(chunk), accumulate: true)
    }

    /// Keys and values of every key/value head of every sequence.
    private func attentionHeads(_ pass: PrefillPass) -> [TiledAttention.Head] {
        let (head, width) = (configuration.headWidth, configuration.keyValueWidth)
        return pass.packed.ranges.flatMap { rows in
            let keyValue = pass.buffers.keyValue.view.rows(rows)
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

    private func beginGather(
        _ layer: TextLayerWeights, _ pass: inout PrefillPass, _ block: Int
    ) throws(CollectiveError) {
        let chunk = pass.rows.chunk(block, of: group.rank)
        rmsNorm(pass.x(chunk), layer.mlpNorm, into: pass.normed(chunk))
        pass.gathers[block] = try group.gather(
            pass.normed(chunk), into: pass.gathered(block), ranges: pass.rows.placed(block))
    }

    /// This rank's MLP columns for all rows of a block, and the partial sums on their way to the rows' owners.
    private func feedForward(
        _ layer: TextLayerWeights, _ pass: inout PrefillPass, _ block: Int
    ) throws(CollectiveError) {
        try pass.gathers[block]?.wait()
        pass.gathers[block] = nil
        if block >= 2 { try finishSum(&pass, block - 2) }  // its buffers are needed again
        let gathered = pass.gathered(block)
        let partial = pass.partial(block)
        feedForward(layer, gathered, hidden: pass.buffers.hidden.view.rows(0..<gathered.rows), into: partial)
        pass.sums[block] = try group.exchange(
            partial, ranges: pass.rows.placed(block),
            into: pass.received(block, ranks: group.count, rows: pass.rows.chunk(block, of: group.rank).count))
    }

    /// x += the sum of what all ranks computed for a chunk of own rows, in rank order.
    private func finishSum(_ pass: inout PrefillPass, _ block: Int) throws(CollectiveError) {
        guard let pending = pass.sums[block] else { return }
        try pending.wait()
        pass.sums[block] = nil
        let x = pass.x(pass.rows.chunk(block, of: group.rank))
        let received = pass.received(block, ranks: group.count, rows: x.rows)
        team.rows(x.rows) { [kernels, ranks = group.count] range in
            for rank in 0..<ranks {
                kernels.add(
                    x.rows(range), received.rows(rank * x.rows + range.lowerBound..<rank * x.rows + range.upperBound))
            }
        }
    }

    /// Of the last layer only each prefix's last row matters: it is gathered and goes on as a decoding step does.
    private func finishPrefill(_ sequences: [Sequence], _ pass: PrefillPass) throws(CollectiveError) {
        let lastRows = pass.packed.ranges.map { $0.upperBound - 1 }
        let owners = lastRows.map { pass.rows.owner(of: $0) }
        let ranges = (0..<group.count).map { rank -> Range<Int> in
            let first = owners.firstIndex { $0 >= rank } ?? owners.count
            return first..<first + owners.filter { $0 == rank }.count
        }
        let own = Matrix(rows: ranges[group.rank].count, columns: configuration.width)
        for (row, sequence) in ranges[group.rank].enumerated() {
            own.view.rows(row..<row + 1).copy(from: pass.x(lastRows[sequence]..<lastRows[sequence] + 1))
        }
        let x = Matrix(rows: sequences.count, columns: configuration.width)
        try group.gather(own.view, into: x.view, ranges: ranges).wait()
        let last = weights.layers.count - 1
        let normed = Matrix(rows: x.view.rows, columns: configuration.width)
        rmsNorm(x.view, weights.layers[last].attentionNorm, into: normed.view)
        try decodeLayer(
            last, weights.layers[last], x.view, normed: normed.view, sequences,
            places: sequences.map { $0.prefixRows - 1 })
        observer?("layer \(last)", x.view)
        try chooseTokens(x.view, for: sequences, damaged: pass.damaged)
    }

    private func openCache(of sequence: Sequence) {
        let width = slice.keyValueHeads(configuration).count * configuration.headWidth
        sequence.cache = KeyValueCache(
            layers: configuration.layers, capacity: sequence.positions, width: width)
    }

    private func reserveBuffers(_ rows: PrefillRows) -> PrefillBuffers {
        let own = rows.owned(by: group.rank).count
        if let buffers = prefillBuffers, buffers.fits(rows, own: own, ranks: group.count) { return buffers }
        prefillBuffers = nil  // the smaller ones go before the larger ones come
        let buffers = PrefillBuffers(rows, own: own, ranks: group.count, configuration, slice)
        prefillBuffers = buffers
        return buffers
    }
}
