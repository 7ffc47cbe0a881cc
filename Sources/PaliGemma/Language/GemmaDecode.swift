import Tensor

/// One step of decoding: a row for every hypothesis of every living sequence.
struct DecodeStep {
    let rows: [SequenceRow]
    let buffers: DecodeBuffers
    let context: ProductContext

    var x: MatrixView { buffers.x(rows.count) }  // [B, D]
    var normed: MatrixView { buffers.normed(rows.count) }  // [B, D]
    var partial: MatrixView { buffers.partial(rows.count) }  // [B, D]
}

/// Tokens after the prefix, tensor parallel: attention by query heads and the MLP by columns (both column, then row parallel),
/// the output head vocabulary parallel. Two sums over the group a layer.
///
///     x [B, D]              embedded tokens
///     for each layer
///         h [B, D]          = norm(x)
///         k, v [B, own K·H] = h · Wkᵀ rotated, h · Wvᵀ           appended to the KV cache
///         q [B, own N·H]    = h · Wqᵀ rotated
///         a [B, own N·H]    = softmax(rule(q · kᵀ)) · v          over each row's own cache
///         x                += norm?(sum over the ranks of a · Woᵀ)
///         h [B, D]          = norm(x)
///         x                += norm?(sum over the ranks of (gelu(h · Wgᵀ) * (h · Wuᵀ)) · Wdᵀ)
extension Gemma {
    /// Runs up to `steps` steps; sequences that finish drop out. Every rank ends with the same tokens.
    ///
    /// - Throws: ``CollectiveError`` where the group is lost.
    package func decode(_ sequences: [Sequence], steps: Int) throws(CollectiveError) {
        for _ in 0..<steps {
            let alive = Self.byAdapter(sequences.filter { $0.finish == nil })
            if alive.isEmpty { return }
            try decodeStep(alive)
        }
    }

    /// Orders sequences so that those of one adapter follow each other: its matrices are then read once for all of them.
    private static func byAdapter(_ sequences: [Sequence]) -> [Sequence] {
        let adapters: [Int?] = [nil] + Set(sequences.compactMap(\.adapter)).sorted()
        guard adapters.count > 1 else { return sequences }
        return adapters.flatMap { adapter in sequences.filter { $0.adapter == adapter } }
    }

    private func decodeStep(_ sequences: [Sequence]) throws(CollectiveError) {
        let rows = sequences.flatMap(\.rows)
        let step = DecodeStep(
            rows: rows, buffers: decodeBuffers(for: rows.count),
            context: ProductContext(
                phase: .decode, adapters: RowAdapters(sequences.map { ($0.adapter, $0.rows.count) }),
                isBatchInvariant: sequences.contains { $0.decoding.needsBatchInvariance }))
        for (index, row) in rows.enumerated() {
            embed(row.token, into: step.x.row(index))
            row.appendPosition()
        }
        for index in weights.layers.indices { try decodeLayer(index, step, keysAndValues: .projected) }
        try chooseTokens(step, for: sequences)
    }

    /// Where the keys and values of a step's positions come from.
    enum KeysAndValues {
        /// The layer makes them and appends them to the cache.
        case projected
        /// They are in the cache already.
        case stored
    }

    /// One layer: x [B, D] becomes the next x.
    func decodeLayer(
        _ index: Int, _ step: DecodeStep, keysAndValues: KeysAndValues
    ) throws(CollectiveError) {
        let (layer, context) = (weights.layers[index], step.context)
        let (x, normed, partial) = (step.x, step.normed, step.partial)
        let (query, attentionOutput) = (step.buffers.query(x.rows), step.buffers.attentionOutput(x.rows))
        let columns = ownQueryColumns

        rmsNorm(x, layer.attentionNorm, into: normed)
        if keysAndValues == .projected { appendKeysAndValues(index, layer, step) }
        linear(normed, layer.query.outputs(columns), into: query, context: context)
        rotate(query, heads: slice.queryHeads.count, step.rows)
        attendToCaches(index, query, step, into: attentionOutput)
        linear(attentionOutput, layer.output.inputs(columns), into: partial, context: context)
        addResidual(try sumOverRanks(partial, step.buffers), norm: layer.attentionOutputNorm, to: x)

        rmsNorm(x, layer.mlpNorm, into: normed)
        feedForward(
            layer, parts: [slice.mlp], normed, hidden: step.buffers.hidden(x.rows), into: partial, context: context)
        addResidual(try sumOverRanks(partial, step.buffers), norm: layer.mlpOutputNorm, to: x)
    }

    /// The columns of q and of the attention's output that belong to this rank's query heads.
    private var ownQueryColumns: Range<Int> {
        let first = slice.queryHeads.lowerBound * configuration.headWidth
        return first..<first + slice.queryHeads.count * configuration.headWidth
    }

    /// k and v [B, own K·H] of one position a row, into the cache.
    private func appendKeysAndValues(_ index: Int, _ layer: TextLayerWeights, _ step: DecodeStep) {
        let heads = slice.keyValueHeads(configuration)
        let columns = heads.lowerBound * configuration.headWidth..<heads.upperBound * configuration.headWidth
        let (key, value) = (step.buffers.key(step.rows.count), step.buffers.value(step.rows.count))
        linear(
            step.normed,
            [
                Linear.Product(weight: layer.key.outputs(columns), y: key),
                Linear.Product(weight: layer.value.outputs(columns), y: value),
            ], context: step.context)
        rotate(key, heads: heads.count, step.rows)
        for (place, row) in step.rows.enumerated() {
            row.lastKey(index).copy(from: key.rows(place..<place + 1))
            row.lastValue(index).copy(from: value.rows(place..<place + 1))
        }
    }

    /// Rotates the heads of each row by the row's last position.
    private func rotate(_ view: MatrixView, heads: Int, _ rows: [SequenceRow]) {
        for (index, row) in rows.enumerated() {
            rotary.rotate(
                view.row(index), heads: heads, position: rotaryPosition(row.lastPosition), kernels: kernels)
        }
    }

    /// All-reduce: the sum over the ranks of partial [B, D], added in rank order so that every rank has the same bits.
    private func sumOverRanks(
        _ partial: MatrixView, _ buffers: DecodeBuffers
    ) throws(CollectiveError) -> MatrixView {
        let partials = buffers.partials(group.count * partial.rows)
        try group.allGatherCopies(of: partial, into: partials, as: group.link)
        var ranges = group.copies(of: partial.rows)[...]
        let sum = partials.rows(ranges.removeFirst())
        for range in ranges { kernels.add(sum, partials.rows(range)) }
        return sum
    }
}
