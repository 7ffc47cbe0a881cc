import Base
import CKernels

/// Products with int8 weights (`--precision int8`): the input is quantized by row and block of inputs, the sums of a block
/// are int32, and blocks are added in float32.
///
/// - Many rows: a task multiplies all rows with as many panels of outputs as stay in its cache, block by block.
/// - Few rows: each panel is read from memory once, and all rows are multiplied with it.
extension Linear {
    /// Bytes of the panels of a block that a task multiplies all rows with.
    private static let cachedBytes = 288 << 10
    /// Number of rows whose results stay in the cache from one block of inputs to the next.
    private static let chunkRows = 480

    /// Several products with the same x, which is quantized once.
    func multiplyQuantized(_ x: MatrixView, _ products: [Product], _ context: ProductContext) {
        guard x.rows > 0 else { return }
        guard x.columns > 0 else { return finishEmpty(products) }
        let start = Timeline.now()
        let slices = products.map { $0.weight.quantized?.slice(kernels: kernels, team: team) }
        guard let first = slices.compactMap({ $0 }).first else { return }
        quantizedRows.fill(x, for: first, kernels: kernels, team: team)
        let rows = quantizedRows
        let tasks = zip(products, slices).flatMap { product, slice -> [QuantizedTask] in
            guard let slice else { return [] }
            precondition(slice.hasInputs(of: first))
            return parts(slice, of: rows).map { QuantizedTask(product: product, slice: slice, part: $0) }
        }
        team.run(tasks.count) { index, thread in
            let (product, slice, part) = (tasks[index].product, tasks[index].slice, tasks[index].part)
            let outputs = slice.outputs(of: part.panels)
            let scratch = team.scratch(thread: thread, count: scratchFloats(rows, panels: part.panels.count))
            product.withBias(outputs) { bias in
                for tiles in chunks(part.tiles, of: rows) {
                    let y = product.y.rows(rows.rows(of: tiles)).columns(outputs)
                    multiply(
                        rows, tiles, slice, part.panels, into: y, accumulate: product.accumulate, scratch: scratch
                    ) { done in
                        kernels.finish(PanelOutput(y: y.rows(done), bias: bias, finish: product.finish))
                    }
                }
            }
        }
        record(products.map(\.weight), rows: x.rows, from: start, context)
    }

    /// hidden [T, F] = gelu_tanh(x · gateᵀ) * (x · upᵀ)
    func gatedQuantized(
        _ x: MatrixView, gate: WeightMatrix, up: WeightMatrix, into hidden: MatrixView, _ context: ProductContext
    ) {
        guard x.rows > 0, gate.outputs > 0, x.columns > 0 else { return hidden.fill(0) }
        let start = Timeline.now()
        guard let gateSlice = gate.quantized?.slice(kernels: kernels, team: team),
            let upSlice = up.quantized?.slice(kernels: kernels, team: team)
        else { return }
        precondition(gateSlice.hasInputs(of: upSlice) && gateSlice.skip == upSlice.skip)
        quantizedRows.fill(x, for: gateSlice, kernels: kernels, team: team)
        let rows = quantizedRows
        let parts = parts(gateSlice, of: rows, share: 2)
        team.run(parts.count) { index, thread in
            let part = parts[index]
            let outputs = gateSlice.outputs(of: part.panels)
            for tiles in chunks(part.tiles, of: rows) {
                let range = rows.rows(of: tiles)
                let own = range.count * outputs.count
                let memory = team.scratch(
                    thread: thread, count: own + scratchFloats(rows, panels: part.panels.count))
                let upPart = MatrixView(base: memory, rows: range.count, columns: outputs.count)
                let out = hidden.rows(range).columns(outputs)
                multiply(rows, tiles, gateSlice, part.panels, into: out, accumulate: false, scratch: memory + own) {
                    _ in
                }
                multiply(
                    rows, tiles, upSlice, part.panels, into: upPart, accumulate: false, scratch: memory + own
                ) { done in
                    kernels.geluTimes(out.rows(done), upPart.rows(done))
                }
            }
        }
        record([gate, up], rows: x.rows, from: start, context)
    }

    /// Products over no inputs at all, which a rank of a row parallel product may have.
    private func finishEmpty(_ products: [Product]) {
        for product in products {
            if !product.accumulate { product.y.fill(0) }
            product.withBias(0..<product.y.columns) { bias in
                kernels.finish(PanelOutput(y: product.y, bias: bias, finish: product.finish))
            }
        }
    }

    private struct QuantizedTask: Sendable {
        let product: Product
        let slice: QuantizedSlice
        let part: QuantizedPart
    }

    /// The part of a product that is one task.
    private struct QuantizedPart: Sendable {
        let panels: Range<Int>
        let tiles: Range<Int>
    }

    /// Cuts a product into equal tasks: by panels, as many as the cache holds, and by rows where there are too few panels
    /// for the team.
    ///
    /// - Parameter share: number of slices that share the cache.
    private func parts(_ slice: QuantizedSlice, of x: QuantizedRows, share: Int = 1) -> [QuantizedPart] {
        guard slice.outputs > 0 else { return [] }
        if x.rows <= Kernels.fewRows {
            let panelBytes = share * QuantizedShape.panel * slice.groups * QuantizedShape.group
            return streamedShares(of: slice.panels, bytes: panelBytes).map {
                QuantizedPart(panels: $0, tiles: 0..<x.tiles)
            }
        }
        let group = 2  // the tiles of many rows take two panels
        let groups = (slice.panels + group - 1) / group
        let maximumGroups = max(1, Self.cachedBytes / (share * group * QuantizedShape.panel * slice.maximumBlockInputs))
        let minimumPieces = (groups + maximumGroups - 1) / maximumGroups
        let pieces = min(groups, (minimumPieces + team.count - 1) / team.count * team.count)
        let rowPieces = x.rows <= 128 ? 1 : min(x.tiles, (2 * team.count - 1) / pieces + 1)
        return (0..<pieces).flatMap { piece in
            let panels = groups * piece / pieces * group..<min(slice.panels, groups * (piece + 1) / pieces * group)
            return (0..<rowPieces).map {
                QuantizedPart(panels: panels, tiles: x.tiles * $0 / rowPieces..<x.tiles * ($0 + 1) / rowPieces)
            }
        }
    }

    /// Returns the tiles in chunks of about `chunkRows` rows.
    private func chunks(_ tiles: Range<Int>, of x: QuantizedRows) -> some Swift.Sequence<Range<Int>> {
        let step = max(1, Self.chunkRows / x.tileRows)
        return stride(from: tiles.lowerBound, to: tiles.upperBound, by: step).lazy.map {
            $0..<min(tiles.upperBound, $0 + step)
        }
    }

    /// Returns the number of float32 that a product of some panels needs as scratch.
    private func scratchFloats(_ x: QuantizedRows, panels: Int) -> Int {
        let groups = x.outlierGroups
        return groups == 0
            ? 0 : QuantizedSlice.gatheredBytes(panels: panels, groups: groups) / MemoryLayout<Float>.size
    }

    /// y [rows of the tiles, outputs of the panels] = or += their product.
    ///
    /// - Parameters:
    ///   - scratch: ``scratchFloats(_:panels:)`` float32.
    ///   - done: called with rows of y to which the last block has just been added, while they are in the cache.
    @inline(__always)
    private func multiply(
        _ x: QuantizedRows, _ tiles: Range<Int>, _ slice: QuantizedSlice, _ panels: Range<Int>, into y: MatrixView,
        accumulate: Bool, scratch: UnsafeMutablePointer<Float>, done: (Range<Int>) -> Void
    ) {
        // Few rows: panel by panel, so that each is read from memory once. Many rows: a block of all panels stays in the
        // second-level cache while all rows are multiplied with it.
        let few = x.rows <= Kernels.fewRows
        let firstOutput = slice.outputs(of: panels).lowerBound
        for (index, block) in slice.blocks.enumerated() {
            let last = index == slice.blocks.count - 1
            for start in stride(from: panels.lowerBound, to: panels.upperBound, by: few ? 1 : panels.count) {
                let part = few ? start..<start + 1 : panels
                multiplyBlock(
                    x, tiles, slice, part, block, index,
                    into: y.base + slice.outputs(of: part).lowerBound - firstOutput,
                    stride: y.stride, accumulate: accumulate || index > 0, scratch: scratch
                ) { rows in
                    if last, !few { done(rows) }
                }
            }
        }
        if few { done(0..<y.rows) }
    }

    @inline(__always)
    private func multiplyBlock(
        _ x: QuantizedRows, _ tiles: Range<Int>, _ slice: QuantizedSlice, _ panels: Range<Int>,
        _ block: QuantizedSlice.Block, _ index: Int, into y: UnsafeMutablePointer<Float>, stride: Int,
        accumulate: Bool, scratch: UnsafeMutablePointer<Float>, done: (Range<Int>) -> Void
    ) {
        let table = kernels.int8.pointee
        let outliers = x.outliers(of: index)
        var part = slice.panels(panels, of: block, ahead: panels.count == 1 && panels.upperBound < slice.panels ? 1 : 0)
        var wide = pg_int8_panels()
        if !outliers.isEmpty {
            wide = slice.gathered(panels, of: block, outliers: outliers, kernels: kernels, memory: scratch)
        }
        let firstRow = x.rows(of: tiles).lowerBound
        for tile in tiles {
            let own = x.rows(of: tile)
            let out = y + (own.lowerBound - firstRow) * stride
            var rows = x.tile(tile, block: block, index: index)
            table.multiply(&rows, &part, out, stride, accumulate)
            if !outliers.isEmpty {
                var rows = x.wideTile(tile, index: index)
                table.multiply(&rows, &wide, out, stride, true)
            }
            done(own.lowerBound - firstRow..<own.upperBound - firstRow)
        }
    }
}
