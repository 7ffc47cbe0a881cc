import Tensor

/// The steps of a prefill before attention: the rows' embeddings, their queries, keys and values, and the KV cache.
extension Gemma {
    /// x [c, D] of a chunk before the first layer: text embeddings, and the features of pictures through the projector.
    func embed(_ chunk: Int, _ pass: PrefillPass, _ features: some FeatureSource) throws(CollectiveError) {
        for segment in pass.packed.segments(in: pass.range(chunk)) {
            let x = pass.x(rows: segment.rows)
            switch segment.content {
            case .picture(let picture, let rows):
                let sequence = pass.packed.sequences[segment.sequence]
                if let seen = try features.features(of: sequence, picture: picture, rows: rows) {
                    linear(
                        seen, projector.weight, into: x, bias: projector.bias, context: pass.context(rows: segment.rows)
                    )
                } else {
                    // The other sequences go on; the group learns of it when the first token is chosen.
                    x.fill(0)
                    pass.damaged.insert(segment.sequence)
                }
            case .text(let tokens):
                for (row, token) in tokens.enumerated() { embed(token, into: x.row(row)) }
            }
        }
    }

    /// q [t, N·H] of all own rows, rotated by their positions.
    func projectQueries(_ layer: TextLayerWeights, _ pass: PrefillPass) {
        let query = pass.query(rows: pass.own)
        linear(pass.normed(rows: pass.own), layer.query, into: query, context: pass.context(rows: pass.own))
        rotate(query, heads: configuration.heads, pass.own, pass)
    }

    /// k and v [c, K·H] of a chunk, k rotated by the rows' positions.
    func projectKeysAndValues(_ layer: TextLayerWeights, _ chunk: Int, _ pass: PrefillPass) {
        let (keyValue, width) = (pass.ownKeyValue(chunk), configuration.keyValueWidth)
        linear(
            pass.normed(chunk),
            [
                Linear.Product(weight: layer.key, y: keyValue.columns(0..<width)),
                Linear.Product(weight: layer.value, y: keyValue.columns(width..<2 * width)),
            ], context: pass.context(chunk))
        rotate(keyValue, heads: configuration.keyValueHeads, pass.range(chunk), pass)
    }

    /// Rotates the first `heads` heads of each row by the row's position.
    ///
    /// - Parameter range: where the rows stand in the whole prefill.
    private func rotate(_ view: MatrixView, heads: Int, _ range: Range<Int>, _ pass: PrefillPass) {
        let positions = range.map { rotaryPosition(pass.packed.position(of: $0)) }
        team.rows(range.count) { [rotary, kernels] part in
            for row in part {
                rotary.rotate(view.row(row), heads: heads, position: positions[row], kernels: kernels)
            }
        }
    }

    /// Copies keys and values of the heads that this rank decodes with into the sequences' caches.
    func storeCache(_ layer: Int, _ pass: PrefillPass) {
        let heads = slice.keyValueHeads(configuration)
        let (head, width) = (configuration.headWidth, configuration.keyValueWidth)
        let columns = heads.lowerBound * head..<heads.upperBound * head
        for (sequence, rows) in zip(pass.packed.sequences, pass.packed.ranges) {
            guard let row = sequence.rows.first else { continue }
            let cache = row.prefix
            let all = pass.keyValue.rows(rows)
            let (keys, values) = (cache.keys(layer).rows(0..<rows.count), cache.values(layer).rows(0..<rows.count))
            team.rows(rows.count, by: 256) { range in
                keys.rows(range).copy(from: all.columns(0..<width).columns(columns).rows(range))
                values.rows(range).copy(from: all.columns(width..<2 * width).columns(columns).rows(range))
            }
            row.count = rows.count
        }
    }
}
