/// Tokens after the prefix, all living sequences together: attention by query heads, MLP by columns, two sums over
/// the group a layer, the output head by rows of the vocabulary.
extension Gemma {
    /// Runs up to `steps` steps; sequences that finish drop out. Every rank ends with the same tokens.
    package func decode(_ sequences: [Sequence], steps: Int) throws(CollectiveError) {
        meter.phase = .decode
        for _ in 0..<steps {
            let alive = sequences.filter { $0.finish == nil }
            if alive.isEmpty { return }
            try decodeStep(alive)
        }
    }

    private func decodeStep(_ sequences: [Sequence]) throws(CollectiveError) {
        let x = Matrix(rows: sequences.count, columns: configuration.width)
        let normed = Matrix(rows: sequences.count, columns: configuration.width)
        for (row, sequence) in sequences.enumerated() {
            guard let token = sequence.tokens.last else { preconditionFailure("decoding starts with a chosen token") }
            embed(token, into: x.view.row(row))
        }
        let places = sequences.map { $0.prefixRows + $0.tokens.count - 1 }
        for (index, layer) in weights.layers.enumerated() {
            rmsNorm(x.view, layer.attentionNorm, into: normed.view)
            appendKeysAndValues(index, layer, normed.view, sequences, places)
            try decodeLayer(index, layer, x.view, normed: normed.view, sequences, places: places)
        }
        try chooseTokens(x.view, for: sequences)
    }

    /// Keys and values of one row a sequence, for the heads that this rank keeps.
    private func appendKeysAndValues(
        _ index: Int, _ layer: TextLayerWeights, _ normed: MatrixView, _ sequences: [Sequence], _ places: [Int]
    ) {
        let heads = slice.keyValueHeads(configuration)
        let columns = heads.lowerBound * configuration.headWidth..<heads.upperBound * configuration.headWidth
        let key = Matrix(rows: normed.rows, columns: columns.count)
        let value = Matrix(rows: normed.rows, columns: columns.count)
        linear(normed, layer.key.outputs(columns), into: key.view)
        linear(normed, layer.value.outputs(columns), into: value.view)
        for (row, sequence) in sequences.enumerated() {
            guard let cache = sequence.cache else { continue }
            let place = places[row]
            rotary.rotate(
                key.view.row(row), heads: heads.count, position: rotaryPosition(place), kernels: kernels)
            cache.keys(index).rows(place..<place + 1).copy(from: key.view.rows(row..<row + 1))
            cache.values(index).rows(place..<place + 1).copy(from: value.view.rows(row..<row + 1))
            cache.count = place + 1
        }
    }

    /// One layer for one row a sequence, whose key and value are in the cache already: x [B, D] becomes the next x.
    ///
    /// - Parameter normed: x after the layer's first norm; the memory is used again.
    func decodeLayer(
        _ index: Int, _ layer: TextLayerWeights, _ x: MatrixView, normed: MatrixView, _ sequences: [Sequence],
        places: [Int]
    ) throws(CollectiveError) {
        let width = slice.queryHeads.count * configuration.headWidth
        let columns = slice.queryHeads.lowerBound * configuration.headWidth
        let query = Matrix(rows: x.rows, columns: width)
        let mixed = Matrix(rows: x.rows, columns: width)
        let partial = Matrix(rows: x.rows, columns: x.columns)
        let hidden = Matrix(rows: x.rows, columns: slice.mlp.count)

        linear(normed, layer.query.outputs(columns..<columns + width), into: query.view)
        for row in 0..<x.rows {
            rotary.rotate(
                query.view.row(row), heads: slice.queryHeads.count, position: rotaryPosition(places[row]),
                kernels: kernels)
        }
        attendToCaches(index, query.view, sequences, into: mixed.view)
        linear(mixed.view, layer.output.inputs(columns..<columns + width), into: partial.view)
        try addSum(of: partial.view, to: x)

        rmsNorm(x, layer.mlpNorm, into: normed)
        feedForward(layer, normed, hidden: hidden.view, into: partial.view)
        try addSum(of: partial.view, to: x)
    }

    /// mixed [B, own N·H]: each sequence's query heads over its own cache, one task a key/value head.
    private func attendToCaches(
        _ layer: Int, _ query: MatrixView, _ sequences: [Sequence], into mixed: MatrixView
    ) {
        let tasks = sequences.enumerated().flatMap { row, sequence -> [CacheAttention] in
            guard let cache = sequence.cache else { return [] }
            return slice.keyValueHeads(configuration).map { head in
                cacheAttention(layer, head, cache, query: query.rows(row..<row + 1), out: mixed.rows(row..<row + 1))
            }
        }
        let start = Timeline.now()
        team.run(tasks.count) { [kernels, team, queryScale] task, thread in
            tasks[task].run(kernels: kernels, team: team, thread: thread, scale: queryScale)
        }
        let operations = tasks.reduce(0) { $0 + 4 * $1.query.rows * $1.key.rows * $1.query.columns }
        meter.record(.attention, from: start, operations: Double(operations))
    }

    /// The query heads of this rank that share key/value head `head`, as rows [n, H] of one row's query.
    private func cacheAttention(
        _ layer: Int, _ head: Int, _ cache: KeyValueCache, query: MatrixView, out: MatrixView
    ) -> CacheAttention {
        let (width, perGroup) = (configuration.headWidth, configuration.heads / configuration.keyValueHeads)
        let sharing = (head * perGroup..<(head + 1) * perGroup).clamped(to: slice.queryHeads)
        let first = sharing.lowerBound - slice.queryHeads.lowerBound
        let columns = first * width..<(first + sharing.count) * width
        let kept = head - slice.keyValueHeads(configuration).lowerBound
        let keyColumns = kept * width..<(kept + 1) * width
        return CacheAttention(
            query: query.columns(columns).unfolded(rows: sharing.count),
            key: cache.keys(layer).rows(0..<cache.count).columns(keyColumns),
            value: cache.values(layer).rows(0..<cache.count).columns(keyColumns),
            out: out.columns(columns).unfolded(rows: sharing.count))
    }
}

/// A few query heads over one key/value head of one sequence.
private struct CacheAttention: Sendable {
    let query: MatrixView  // [n, H]
    let key: MatrixView  // [S, H]
    let value: MatrixView  // [S, H]
    let out: MatrixView  // [n, H]

    func run(kernels: Kernels, team: ThreadTeam, thread: Int, scale: Float) {
        let table = kernels.table.pointee
        let scores = MatrixView(
            base: team.scratch(thread: thread, count: query.rows * key.rows), rows: query.rows, columns: key.rows)
        table.few_rows(
            ElementType.float32.code, key.base, key.rows, key.columns, key.stride, query.base, query.rows,
            query.stride, scores.base, scores.stride)
        out.fill(0)
        var sums = [Float](repeating: 0, count: query.rows)
        for row in 0..<query.rows {
            var maximum = -Float.infinity
            _ = table.softmax_tile(scores.row(row), key.rows, scale, &maximum, &sums[row])
        }
        table.few_rows_mix(
            scores.base, scores.rows, scores.stride, value.base, value.rows, value.columns, value.stride, out.base,
            out.stride)
        for row in 0..<query.rows { table.scale(out.row(row), 1 / sums[row], out.columns) }
    }
}

extension MatrixView {
    /// One row of `rows` equal parts as a matrix of that many rows.
    fileprivate func unfolded(rows: Int) -> MatrixView {
        precondition(self.rows == 1 && rows > 0 && columns % rows == 0)
        return MatrixView(base: base, rows: rows, columns: columns / rows)
    }
}
