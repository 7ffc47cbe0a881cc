import Tensor

/// SigLIP: square RGB pictures in, one row of features a patch out (before the projector).
///
///     S side in pixels, P patch, T = (S/P)² rows a picture, D width, N heads, H = D/N, F MLP width
///
/// Rows of several pictures stand one after the other; only attention keeps them apart.
package final class VisionTower {
    /// Rows that go through the MLP together, and leave the last layer together.
    private static let rowBlock = 1024

    private let configuration: VisionConfiguration
    let weights: VisionWeights
    private let team: ThreadTeam
    private let kernels: Kernels
    let linear: Linear
    private let attention: TiledAttention
    private var activations: Activations
    package let meter = OperationMeter(phase: .vision)
    /// Called with the residual stream after the embedding (0) and after each layer (1…), for tests.
    package var observer: ((Int, MatrixView) -> Void)?

    package init(
        weights: ModelWeights, configuration: ModelConfiguration, team: ThreadTeam, kernels: Kernels = .current
    ) {
        _ = BLAS.prepared
        activations = Activations(rows: 0, configuration.vision)
        self.configuration = configuration.vision
        self.weights = weights.vision
        self.team = team
        self.kernels = kernels
        linear = Linear(team: team, kernels: kernels, meter: meter)
        attention = TiledAttention(
            team: team, kernels: kernels,
            rule: ScoreRule(scale: 1 / Float(configuration.vision.headWidth).squareRoot()), meter: meter)
    }

    /// Encodes pictures, each of S·S·3 bytes (rows of RGB).
    ///
    /// - Parameters:
    ///   - adapters: that each picture is looked at through, by their places in the ``AdapterSet``; empty: none at all.
    ///   - emit: called with rows and their features [rows, D] as they are finished, in ascending order; the memory is
    ///     reused after the call.
    package func encode(
        _ pictures: [[UInt8]], adapters: [Int?] = [], emit: (Range<Int>, MatrixView) -> Void
    ) {
        let rows = pictures.count * configuration.tokens
        guard rows > 0 else { return }
        precondition(pictures.allSatisfy { $0.count == configuration.imageSize * configuration.imageSize * 3 })
        if activations.capacity < rows { activations = Activations(rows: rows, configuration) }
        let x = activations.stream.view.rows(0..<rows)

        let adapters = RowAdapters(adapters.map { ($0, configuration.tokens) })
        embed(pictures, into: x)
        observer?(0, x)
        for (index, layer) in weights.layers.enumerated() {
            projectAttention(layer, x, adapters)
            for block in blocks(of: rows) {
                let own = adapters.rows(block)
                attend(layer, x, block, own)
                feedForward(layer, x.rows(block), own)
                if index == weights.layers.count - 1 { finish(x.rows(block)) { emit(block, $0) } }
            }
            observer?(index + 1, x)
        }
    }

    private func blocks(of rows: Int) -> [Range<Int>] {
        stride(from: 0, to: rows, by: Self.rowBlock).map { $0..<min(rows, $0 + Self.rowBlock) }
    }

    /// x [T, D] = patches · weightᵀ + bias + position
    private func embed(_ pictures: [[UInt8]], into x: MatrixView) {
        let (tokens, width) = (configuration.tokens, configuration.width)
        let cutter = PatchCutter(configuration)
        let patches = activations.patches.view.rows(0..<x.rows)
        team.rows(x.rows) { range in
            for row in range { cutter.cut(row % tokens, of: pictures[row / tokens], into: patches.row(row)) }
        }
        linear(patches, weights.patch.weight, into: x, bias: weights.patch.bias)
        team.run((x.rows + 31) / 32) { [team, kernels, positions = weights.positions] task, thread in
            let position = team.scratch(thread: thread, count: width)
            for row in task * 32..<min(x.rows, (task + 1) * 32) {
                kernels.table.pointee.widen(positions.element.code, positions.row(row % tokens), position, width)
                kernels.table.pointee.add(x.row(row), position, width)
            }
        }
    }

    /// q, k, v [T, D] of all rows; keys and values are made ready to be attended to.
    private func projectAttention(_ layer: VisionLayerWeights, _ x: MatrixView, _ adapters: RowAdapters) {
        let normed = activations.normed.view.rows(0..<x.rows)
        layerNorm(x, layer.norm1, into: normed)
        let outputs = [
            (layer.query, activations.query.view), (layer.key, activations.key.view),
            (layer.value, activations.value.view),
        ]
        linear(
            normed,
            outputs.map { Linear.Product(weight: $0.weight, y: $1.rows(0..<x.rows), bias: $0.bias) }, adapters: adapters
        )
        attention.prepare(attentionHeads(rows: x.rows))
    }

    /// x += output · attention, for a block of rows.
    private func attend(
        _ layer: VisionLayerWeights, _ x: MatrixView, _ block: Range<Int>, _ adapters: RowAdapters
    ) {
        let mixed = activations.normed.view
        attention(attentionBlocks(rows: block, into: mixed))
        let output = layer.output
        linear(
            mixed.rows(block), output.weight, into: x.rows(block), accumulate: true, bias: output.bias,
            adapters: adapters)
    }

    /// Keys and values of every head of every picture.
    private func attentionHeads(rows: Int) -> [TiledAttention.Head] {
        let (tokens, head) = (configuration.tokens, configuration.headWidth)
        return (0..<rows / tokens).flatMap { picture in
            (0..<configuration.heads).map { index in
                let columns = index * head..<(index + 1) * head
                let range = picture * tokens..<(picture + 1) * tokens
                return TiledAttention.Head(
                    key: activations.key.view.rows(range).columns(columns),
                    value: activations.value.view.rows(range).columns(columns))
            }
        }
    }

    /// Every head of every picture in the rows, in pieces that a thread attends alone.
    private func attentionBlocks(rows: Range<Int>, into mixed: MatrixView) -> [TiledAttention.Block] {
        let (tokens, head) = (configuration.tokens, configuration.headWidth)
        var blocks: [TiledAttention.Block] = []
        var start = rows.lowerBound
        while start < rows.upperBound {
            let picture = start / tokens
            let end = min(start + TiledAttention.queryRows, (picture + 1) * tokens, rows.upperBound)
            for index in 0..<configuration.heads {
                let columns = index * head..<(index + 1) * head
                blocks.append(
                    TiledAttention.Block(
                        head: picture * configuration.heads + index,
                        query: activations.query.view.rows(start..<end).columns(columns),
                        out: mixed.rows(start..<end).columns(columns)))
            }
            start = end
        }
        return blocks
    }

    /// x += contract · gelu(expand · norm2(x))
    private func feedForward(_ layer: VisionLayerWeights, _ x: MatrixView, _ adapters: RowAdapters) {
        let normed = activations.blockNormed.view.rows(0..<x.rows)
        let hidden = activations.hidden.view.rows(0..<x.rows)
        layerNorm(x, layer.norm2, into: normed)
        linear(normed, layer.expand.weight, into: hidden, bias: layer.expand.bias, gelu: true, adapters: adapters)
        linear(hidden, layer.contract.weight, into: x, accumulate: true, bias: layer.contract.bias, adapters: adapters)
    }

    private func finish(_ x: MatrixView, emit: (MatrixView) -> Void) {
        let features = activations.blockNormed.view.rows(0..<x.rows)
        layerNorm(x, weights.norm, into: features)
        emit(features)
    }

    private func layerNorm(_ x: MatrixView, _ norm: LayerNormWeights, into out: MatrixView) {
        team.rows(x.rows) { [kernels, configuration] range in
            kernels.layerNorm(
                x.rows(range), weight: norm.weight, bias: norm.bias, epsilon: configuration.layerNormEpsilon,
                into: out.rows(range))
        }
    }

    /// Buffers of the largest micro-batch so far.
    private struct Activations: ~Copyable {
        let capacity: Int
        let stream: Matrix  // [T, D]
        let normed: Matrix  // [T, D]; after the projections, the attention's output
        let query: Matrix  // [T, D]
        let key: Matrix  // [T, D]
        let value: Matrix  // [T, D]
        let patches: Matrix  // [T, 3·P·P]
        let blockNormed: Matrix  // [rowBlock, D]
        let hidden: Matrix  // [rowBlock, F]

        init(rows: Int, _ configuration: VisionConfiguration) {
            capacity = rows
            let block = min(rows, VisionTower.rowBlock)
            stream = Matrix(rows: rows, columns: configuration.width)
            normed = Matrix(rows: rows, columns: configuration.width)
            query = Matrix(rows: rows, columns: configuration.width)
            key = Matrix(rows: rows, columns: configuration.width)
            value = Matrix(rows: rows, columns: configuration.width)
            patches = Matrix(rows: rows, columns: configuration.patchValues)
            blockNormed = Matrix(rows: block, columns: configuration.width)
            hidden = Matrix(rows: block, columns: configuration.mlpWidth)
        }
    }
}
