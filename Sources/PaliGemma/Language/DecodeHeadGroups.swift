import Base
import Tensor

/// How the rows of a decoding step are handed to attention: each row's query heads, by the key/value head that they share, over
/// the row's own cache (grouped-query attention).
extension Gemma {
    /// attentionOutput [B, own N·H] of query [B, own N·H].
    func attendToCaches(
        _ layer: Int, _ query: MatrixView, _ step: DecodeStep, into attentionOutput: MatrixView
    ) {
        let groups = step.rows.enumerated().flatMap { index, row -> [DecodeAttention.HeadGroup] in
            let keys = configuration.keys(seenFrom: row.lastPosition, prefix: row.prefixRows, layer: layer)
            return slice.keyValueHeads(configuration).map { head in
                headGroup(
                    layer, head, row, keys, query: query.rows(index..<index + 1),
                    out: attentionOutput.rows(index..<index + 1))
            }
        }
        let start = Timeline.now()
        let operations = step.buffers.attention.run(groups, team: team, kernels: kernels, rule: scoreRule)
        meter.record(.attention, in: step.context.phase, from: start, operations: operations)
    }

    /// The query heads of this rank that share key/value head `head`, as rows [n, H] of one row's query.
    private func headGroup(
        _ layer: Int, _ head: Int, _ row: SequenceRow, _ keys: Range<Int>, query: MatrixView, out: MatrixView
    ) -> DecodeAttention.HeadGroup {
        let (width, perGroup) = (configuration.headWidth, configuration.heads / configuration.keyValueHeads)
        let sharing = (head * perGroup..<(head + 1) * perGroup).clamped(to: slice.queryHeads)
        let first = sharing.lowerBound - slice.queryHeads.lowerBound
        let columns = first * width..<(first + sharing.count) * width
        let kept = head - slice.keyValueHeads(configuration).lowerBound
        let keyColumns = kept * width..<(kept + 1) * width
        return DecodeAttention.HeadGroup(
            query: query.columns(columns).unfolded(rows: sharing.count),
            prefix: row.prefixPart(layer, keys, columns: keyColumns),
            pages: row.pageParts(layer, keys, columns: keyColumns),
            out: out.columns(columns).unfolded(rows: sharing.count))
    }
}

extension MatrixView {
    /// Returns one row of `rows` equal parts as a matrix of that many rows.
    fileprivate func unfolded(rows: Int) -> MatrixView {
        precondition(self.rows == 1 && rows > 0 && columns % rows == 0)
        return MatrixView(base: base, rows: rows, columns: columns / rows)
    }
}
