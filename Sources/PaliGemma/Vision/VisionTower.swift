import Tensor

/// SigLIP: square RGB pictures in, one row of features a patch out (before the projector).
///
///     S side in pixels, P patch, T rows of all pictures, (S/P)² a picture, D width, N heads, H = D/N, F MLP width
///
///     x [T, D]              = patches [T, 3·P·P] · Wᵀ + bias + position
///     for each layer
///         h [T, D]          = norm(x)
///         q, k, v [T, D]    = h · Wqᵀ + bq, h · Wkᵀ + bk, h · Wvᵀ + bv
///         a [T, D]          = softmax(q · kᵀ / √H) · v           over the rows of the same picture
///         x                += a · Woᵀ + bo
///         x                += gelu(norm(x) · W1ᵀ + b1) · W2ᵀ + b2
///     features [T, D]       = norm(x)
///
/// Rows of several pictures stand one after the other; only attention keeps them apart.
package final class VisionTower {
    /// The rows that go through the MLP together, and leave the last layer together.
    private static let rowBlock = 1024

    private let configuration: VisionConfiguration
    let weights: VisionWeights
    private let team: ThreadTeam
    private let kernels: Kernels
    let linear: Linear
    private let attention: TiledAttention
    private var activations: Activations
    package let meter = OperationMeter()

    package init(
        weights: ModelWeights, configuration: ModelConfiguration, team: ThreadTeam, kernels: Kernels = .current
    ) {
        _ = BLAS.prepared
        activations = Activations(rows: 0, configuration.vision)
        self.configuration = configuration.vision
        self.weights = weights.vision
        self.team = team
        self.kernels = kernels
        linear = Linear(team: team, kernels: kernels, activations: weights.activations, meter: meter)
        attention = TiledAttention(
            team: team, kernels: kernels,
            rule: ScoreRule(scale: 1 / Float(configuration.vision.headWidth).squareRoot()), phase: .vision, meter: meter
        )
    }

    /// Encodes pictures, each of S·S·3 bytes (rows of RGB). Throws what `emit` throws, and stops there.
    ///
    /// - Parameters:
    ///   - adapters: the index in the ``AdapterSet`` of each picture's adapter, nil for none; empty: none at all.
    ///   - afterLayer: called with the number of layers that are done, from 0 (the embedding), and the residual stream
    ///     [T, D]. A pass is long: a caller that shares its cores may let others compute here.
    ///   - emit: called with rows and their features [rows, D] as they are finished, in ascending order; the memory is
    ///     reused after the call.
    package func encode(
        _ pictures: [[UInt8]], adapters: [Int?] = [], afterLayer: (Int, MatrixView) -> Void = { _, _ in },
        emit: (Range<Int>, MatrixView) throws -> Void
    ) rethrows {
        let rows = pictures.count * configuration.tokens
        guard rows > 0 else { return }
        precondition(pictures.allSatisfy { $0.count == configuration.imageSize * configuration.imageSize * 3 })
        if activations.capacity < rows { activations = Activations(rows: rows, configuration) }
        let x = activations.residual.view.rows(0..<rows)
        let context = ProductContext(
            phase: .vision, adapters: RowAdapters(adapters.map { ($0, configuration.tokens) }))
        embed(pictures, into: x, context)
        afterLayer(0, x)
        for (index, layer) in weights.layers.enumerated() {
            let isLast = index == weights.layers.count - 1
            // Rows of the last layer leave as soon as their block is done.
            try encodeLayer(layer, x, context) { block in
                if isLast { try emit(block, features(of: x.rows(block))) }
            }
            afterLayer(index + 1, x)
        }
    }

    /// Takes x [T, D] through one layer.
    ///
    /// - Parameter blockIsDone: called with each block of rows that will not change any more in this layer.
    private func encodeLayer(
        _ layer: VisionLayerWeights, _ x: MatrixView, _ context: ProductContext,
        blockIsDone: (Range<Int>) throws -> Void
    ) rethrows {
        let normed = activations.normed.view.rows(0..<x.rows)
        layerNorm(x, layer.norm1, into: normed)
        linear(
            normed,
            [
                product(layer.query, activations.query, x.rows), product(layer.key, activations.key, x.rows),
                product(layer.value, activations.value, x.rows),
            ], context: context)
        let heads = attention.prepare(attentionHeads(rows: x.rows))
        for block in blocks(of: x.rows) {
            let (x, context) = (x.rows(block), context.rows(block))
            attention(attentionBlocks(rows: block), over: heads)
            addProduct(of: activations.attentionOutput.rows(block), layer.output, to: x, context)
            feedForward(layer, x, context)
            try blockIsDone(block)
        }
    }

    /// x [n, D] += gelu(norm(x) · W1ᵀ + b1) · W2ᵀ + b2
    private func feedForward(_ layer: VisionLayerWeights, _ x: MatrixView, _ context: ProductContext) {
        let normed = activations.blockNormed.view.rows(0..<x.rows)
        let hidden = activations.hidden.view.rows(0..<x.rows)
        layerNorm(x, layer.norm2, into: normed)
        linear(
            normed, layer.expand.weight, into: hidden, bias: layer.expand.bias, gelu: true, context: context)
        addProduct(of: hidden, layer.contract, to: x, context)
    }

    /// x += input · Wᵀ + bias
    private func addProduct(
        of input: MatrixView, _ dense: DenseWeights, to x: MatrixView, _ context: ProductContext
    ) {
        linear(input, dense.weight, into: x, accumulate: true, bias: dense.bias, context: context)
    }

    private func product(_ dense: DenseWeights, _ out: borrowing Matrix, _ rows: Int) -> Linear.Product {
        Linear.Product(weight: dense.weight, y: out.view.rows(0..<rows), bias: dense.bias)
    }

    /// The features [n, D] of rows that are through the last layer; the memory is reused.
    private func features(of x: MatrixView) -> MatrixView {
        let features = activations.blockNormed.view.rows(0..<x.rows)
        layerNorm(x, weights.norm, into: features)
        return features
    }

    /// Checks the int8 weights that this tower multiplies with, and prepares them; does nothing where there are none.
    ///
    /// - Throws: ``ModelError`` with the code `quantized` where their file is damaged.
    package func prepareWeights() throws(ModelError) {
        for layer in weights.layers {
            for (_, dense) in layer.products {
                try dense.weight.quantized?.prepare(kernels: linear.kernels, team: linear.team)
            }
        }
    }

    private func blocks(of rows: Int) -> [Range<Int>] {
        stride(from: 0, to: rows, by: Self.rowBlock).map { $0..<min(rows, $0 + Self.rowBlock) }
    }

    /// x [T, D] = patches · weightᵀ + bias + position
    private func embed(_ pictures: [[UInt8]], into x: MatrixView, _ context: ProductContext) {
        let (tokens, width) = (configuration.tokens, configuration.width)
        let cutter = PatchCutter(configuration)
        let patches = activations.patches.view.rows(0..<x.rows)
        team.rows(x.rows) { range in
            for row in range { cutter.cut(row % tokens, of: pictures[row / tokens], into: patches.row(row)) }
        }
        linear(
            patches, weights.patch.weight, into: x, bias: weights.patch.bias, context: context.withoutAdapters)
        team.run((x.rows + 31) / 32) { [team, kernels, positions = weights.positions] task, thread in
            let position = team.scratch(thread: thread, count: width)
            for row in task * 32..<min(x.rows, (task + 1) * 32) {
                kernels.table.pointee.widen(positions.element.code, positions.row(row % tokens), position, width)
                kernels.table.pointee.add(x.row(row), position, width)
            }
        }
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

    /// The queries of every head of every picture in the rows, in blocks that a thread attends alone.
    private func attentionBlocks(rows: Range<Int>) -> [TiledAttention.Block] {
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
                        out: activations.attentionOutput.rows(start..<end).columns(columns)))
            }
            start = end
        }
        return blocks
    }

    private func layerNorm(_ x: MatrixView, _ norm: LayerNormWeights, into out: MatrixView) {
        team.rows(x.rows) { [kernels, configuration] range in
            kernels.layerNorm(
                x.rows(range), weight: norm.weight, bias: norm.bias, epsilon: configuration.layerNormEpsilon,
                into: out.rows(range))
        }
    }

    /// The buffers of the largest micro-batch so far.
    private struct Activations: ~Copyable {
        let capacity: Int
        let residual: Matrix  // [T, D]
        let normed: Matrix  // [T, D]
        let query: Matrix  // [T, D]
        let key: Matrix  // [T, D]
        let value: Matrix  // [T, D]
        let patches: Matrix  // [T, 3·P·P]
        let blockNormed: Matrix  // [rowBlock, D]
        let hidden: Matrix  // [rowBlock, F]

        /// [T, D]. It takes the memory of `normed`, which the queries, keys and values no longer need.
        var attentionOutput: MatrixView { normed.view }

        init(rows: Int, _ configuration: VisionConfiguration) {
            capacity = rows
            let block = min(rows, VisionTower.rowBlock)
            residual = Matrix(rows: rows, columns: configuration.width)
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
