import Tensor

/// How the rows of a prefill are handed to attention: keys and values by sequence and head, queries in blocks.
extension Gemma {
    /// Keys and values of every key/value head of every sequence.
    func attentionHeads(_ pass: PrefillPass) -> [TiledAttention.Head] {
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

    /// The queries of a chunk in blocks that a thread attends alone, each against its whole sequence.
    func attentionBlocks(_ chunk: Int, _ pass: PrefillPass) -> [TiledAttention.Block] {
        // Multi-query attention: one key/value head serves all query heads of a row, which stand as rows of one product.
        let isMultiQuery = configuration.keyValueHeads == 1
        let step = max(1, TiledAttention.queryRows / (isMultiQuery ? configuration.heads : 1))
        return pass.packed.overlaps(pass.range(chunk)).flatMap { sequence, rows -> [TiledAttention.Block] in
            stride(from: rows.lowerBound, to: rows.upperBound, by: step).flatMap { start in
                let piece = start..<min(start + step, rows.upperBound)
                let (query, out) = (pass.query(rows: piece), pass.attentionOutput(rows: piece))
                return isMultiQuery
                    ? [multiQueryBlock(sequence, query: query, out: out)]
                    : (0..<configuration.heads).map { block(sequence, head: $0, query: query, out: out) }
            }
        }
    }

    /// All query heads of some rows [c, N·H] as [c·N, H], over the one key/value head.
    private func multiQueryBlock(_ sequence: Int, query: MatrixView, out: MatrixView) -> TiledAttention.Block {
        let (rows, width) = (query.rows * configuration.heads, configuration.headWidth)
        return TiledAttention.Block(
            head: sequence, query: query.reshaped(rows: rows, columns: width),
            out: out.reshaped(rows: rows, columns: width))
    }

    /// One query head over the key/value head of its group.
    private func block(_ sequence: Int, head: Int, query: MatrixView, out: MatrixView) -> TiledAttention.Block {
        let columns = head * configuration.headWidth..<(head + 1) * configuration.headWidth
        let shared = head / (configuration.heads / configuration.keyValueHeads)
        return TiledAttention.Block(
            head: sequence * configuration.keyValueHeads + shared, query: query.columns(columns),
            out: out.columns(columns))
    }
}
