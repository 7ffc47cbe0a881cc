import Base
import Tensor

/// Tokens after the prefix, the lanes of all living sequences together: attention by query heads, MLP by columns, two sums over
/// the group a layer, the output head by rows of the vocabulary.
extension Gemma {
    /// Runs up to `steps` steps; sequences that finish drop out. Every rank ends with the same tokens.
    package func decode(_ sequences: [Sequence], steps: Int) throws(CollectiveError) {
        meter.phase = .decode
        for _ in 0..<steps {
            let alive = Self.byAdapter(sequences.filter { $0.finish == nil })
            if alive.isEmpty { return }
            try decodeStep(alive)
        }
    }

    /// Those of one adapter one after the other: its matrices are then read once for all of them.
    private static func byAdapter(_ sequences: [Sequence]) -> [Sequence] {
        guard sequences.contains(where: { $0.adapter != nil }) else { return sequences }
        return Dictionary(grouping: sequences) { $0.adapter ?? -1 }.sorted { $0.key < $1.key }.flatMap(\.value)
    }

    private func decodeStep(_ sequences: [Sequence]) throws(CollectiveError) {
        let lanes = sequences.flatMap(\.lanes)
        let adapters = RowAdapters(sequences.map { ($0.adapter, $0.lanes.count) })
        linear.steadiness.isOn = sequences.contains { $0.decoding.needsBatchInvariance }
        defer { linear.steadiness.isOn = false }
        let buffers = decodeBuffers(for: lanes.count)
        let (x, normed) = (buffers.x(lanes.count), buffers.normed(lanes.count))
        for (row, lane) in lanes.enumerated() {
            embed(lane.token, into: x.row(row))
            lane.openPosition()
        }
        for (index, layer) in weights.layers.enumerated() {
            rmsNorm(x, layer.attentionNorm, into: normed)
            appendKeysAndValues(index, layer, normed, lanes, adapters, buffers)
            try decodeLayer(index, layer, x, normed: normed, lanes, adapters)
        }
        try chooseTokens(x, for: sequences)
    }

    /// Keys and values of one row a lane, for the heads that this rank keeps.
    private func appendKeysAndValues(
        _ index: Int, _ layer: TextLayerWeights, _ normed: MatrixView, _ lanes: [Lane], _ adapters: RowAdapters,
        _ buffers: DecodeBuffers
    ) {
        let heads = slice.keyValueHeads(configuration)
        let columns = heads.lowerBound * configuration.headWidth..<heads.upperBound * configuration.headWidth
        let (key, value) = (buffers.key(normed.rows), buffers.value(normed.rows))
        linear(
            normed,
            [
                Linear.Product(weight: layer.key.outputs(columns), y: key),
                Linear.Product(weight: layer.value.outputs(columns), y: value),
            ], adapters: adapters)
        for (row, lane) in lanes.enumerated() {
            rotary.rotate(key.row(row), heads: heads.count, position: rotaryPosition(lane.place), kernels: kernels)
            lane.lastKey(index).copy(from: key.rows(row..<row + 1))
            lane.lastValue(index).copy(from: value.rows(row..<row + 1))
        }
    }

    /// One layer for one row a lane, whose key and value are in the cache already: x [B, D] becomes the next x.
    ///
    /// - Parameter normed: x after the layer's first norm; the memory is used again.
    func decodeLayer(
        _ index: Int, _ layer: TextLayerWeights, _ x: MatrixView, normed: MatrixView, _ lanes: [Lane],
        _ adapters: RowAdapters
    ) throws(CollectiveError) {
        let buffers = decodeBuffers(for: x.rows)
        let first = slice.queryHeads.lowerBound * configuration.headWidth
        let columns = first..<first + slice.queryHeads.count * configuration.headWidth
        let (query, mixed, partial) = (buffers.query(x.rows), buffers.mixed(x.rows), buffers.partial(x.rows))

        linear(normed, layer.query.outputs(columns), into: query, adapters: adapters)
        for (row, lane) in lanes.enumerated() {
            rotary.rotate(
                query.row(row), heads: slice.queryHeads.count, position: rotaryPosition(lane.place), kernels: kernels)
        }
        attendToCaches(index, query, lanes, into: mixed, buffers)
        linear(mixed, layer.output.inputs(columns), into: partial, adapters: adapters)
        try addSum(of: partial, layer.attentionOutputNorm, to: x, buffers)

        rmsNorm(x, layer.mlpNorm, into: normed)
        feedForward(
            layer, parts: [slice.mlp], normed, hidden: buffers.hidden(x.rows), into: partial, accumulate: false,
            adapters: adapters)
        try addSum(of: partial, layer.mlpOutputNorm, to: x, buffers)
    }

    /// x [B, D] += sum over the ranks of partial [B, D], in rank order; the sum's norm is between where there is one.
    private func addSum(
        of partial: MatrixView, _ norm: [Float]?, to x: MatrixView, _ buffers: DecodeBuffers
    ) throws(CollectiveError) {
        let pieces = buffers.pieces(group.count * x.rows)
        try group.gatherCopies(of: partial, into: pieces, as: group.link)
        var ranges = group.copies(of: x.rows)[...]
        guard let norm else {
            for range in ranges { kernels.add(x, pieces.rows(range)) }
            return
        }
        let sum = pieces.rows(ranges.removeFirst())
        for range in ranges { kernels.add(sum, pieces.rows(range)) }
        add(sum, normedBy: norm, to: x)
    }

    /// mixed [B, own N·H]: each lane's query heads over its own cache.
    private func attendToCaches(
        _ layer: Int, _ query: MatrixView, _ lanes: [Lane], into mixed: MatrixView, _ buffers: DecodeBuffers
    ) {
        let heads = lanes.enumerated().flatMap { row, lane -> [CacheAttention.Heads] in
            let keys = configuration.keys(seenFrom: lane.place, prefix: lane.prefixRows, layer: layer)
            return slice.keyValueHeads(configuration).map { head in
                sharing(
                    layer, head, lane, keys, query: query.rows(row..<row + 1), out: mixed.rows(row..<row + 1))
            }
        }
        let start = Timeline.now()
        let operations = buffers.attention.run(heads, team: team, kernels: kernels, rule: scoreRule)
        meter.record(.attention, from: start, operations: operations)
    }

    /// The query heads of this rank that share key/value head `head`, as rows [n, H] of one row's query.
    private func sharing(
        _ layer: Int, _ head: Int, _ lane: Lane, _ keys: Range<Int>, query: MatrixView, out: MatrixView
    ) -> CacheAttention.Heads {
        let (width, perGroup) = (configuration.headWidth, configuration.heads / configuration.keyValueHeads)
        let sharing = (head * perGroup..<(head + 1) * perGroup).clamped(to: slice.queryHeads)
        let first = sharing.lowerBound - slice.queryHeads.lowerBound
        let columns = first * width..<(first + sharing.count) * width
        let kept = head - slice.keyValueHeads(configuration).lowerBound
        let keyColumns = kept * width..<(kept + 1) * width
        return CacheAttention.Heads(
            query: query.columns(columns).unfolded(rows: sharing.count),
            prefix: lane.prefixPart(layer, keys, columns: keyColumns),
            pages: lane.pageParts(layer, keys, columns: keyColumns),
            out: out.columns(columns).unfolded(rows: sharing.count))
    }
}

extension MatrixView {
    /// One row of `rows` equal parts as a matrix of that many rows.
    fileprivate func unfolded(rows: Int) -> MatrixView {
        precondition(self.rows == 1 && rows > 0 && columns % rows == 0)
        return MatrixView(base: base, rows: rows, columns: columns / rows)
    }
}
