import CKernels

/// Products with weights of eight bits (`--weights int8`): the input is quantised by row and block of inputs, the sums
/// of a block are whole numbers, and blocks are added in float32.
///
/// Many rows: a task takes as many panels of outputs as stay in its cache, block by block, and all rows pass by. Few
/// rows: each panel is read from memory once, and all rows are multiplied with it.
extension Linear {
    /// Bytes of a block of panels that a task multiplies all rows with.
    private static let cachedBytes = 288 << 10
    /// Rows whose results stay in the cache from one block of inputs to the next.
    private static let chunkRows = 480

    func quantized(
        _ x: QuantizedRows, _ slice: QuantizedSlice, into y: MatrixView, accumulate: Bool, then epilogue: Epilogue
    ) {
        let panels = panelsOfTask(slice, rows: x.rows)
        team.run((slice.panels + panels - 1) / panels) { task, _ in
            let own = task * panels..<min(slice.panels, (task + 1) * panels)
            let outputs = slice.outputs(of: own)
            for tiles in chunks(of: x) {
                let part = y.rows(x.rows(of: tiles)).columns(outputs)
                multiply(x, tiles, slice, own, into: part, accumulate: accumulate) { done in
                    apply(epilogue, to: part.rows(done), outputs: outputs)
                }
            }
        }
    }

    /// hidden = gelu_tanh(x · gateᵀ) * (x · upᵀ)
    func quantizedGated(_ x: QuantizedRows, gate: QuantizedSlice, up: QuantizedSlice, into hidden: MatrixView) {
        let panels = max(1, panelsOfTask(gate, rows: x.rows) / 2)
        team.run((gate.panels + panels - 1) / panels) { task, thread in
            let own = task * panels..<min(gate.panels, (task + 1) * panels)
            let outputs = gate.outputs(of: own)
            for tiles in chunks(of: x) {
                let rows = x.rows(of: tiles)
                let memory = team.scratch(thread: thread, count: rows.count * outputs.count)
                let upPart = MatrixView(base: memory, rows: rows.count, columns: outputs.count)
                let part = hidden.rows(rows).columns(outputs)
                multiply(x, tiles, gate, own, into: part, accumulate: false) { _ in }
                multiply(x, tiles, up, own, into: upPart, accumulate: false) { done in
                    kernels.geluTimes(part.rows(done), upPart.rows(done))
                }
            }
        }
    }

    /// Panels of a task: what the cache holds, then fewer, so that all threads get equally many tasks.
    private func panelsOfTask(_ slice: QuantizedSlice, rows: Int) -> Int {
        let most = max(1, Self.cachedBytes / (slice.longestBlock * QuantizedShape.panel))
        let tasks = (slice.panels + most - 1) / most
        let even = (tasks + team.count - 1) / team.count * team.count
        let panels = (slice.panels + even - 1) / even
        return rows > Self.fewRows ? (panels + 1) / 2 * 2 : panels
    }

    /// Tiles in runs of about `chunkRows` rows.
    private func chunks(of x: QuantizedRows) -> some Swift.Sequence<Range<Int>> {
        let step = max(1, Self.chunkRows / x.tileRows)
        let tiles = x.tiles
        return stride(from: 0, to: tiles, by: step).lazy.map { $0..<min(tiles, $0 + step) }
    }

    /// y [rows of the tiles, outputs of the panels] = or += their product.
    ///
    /// - Parameter done: called with rows of y to which the last block has just been added: they are in the first cache.
    @inline(__always)
    private func multiply(
        _ x: QuantizedRows, _ tiles: Range<Int>, _ slice: QuantizedSlice, _ panels: Range<Int>, into y: MatrixView,
        accumulate: Bool, done: (Range<Int>) -> Void
    ) {
        let table = kernels.int8.pointee
        let few = x.rows <= Self.fewRows
        let (firstRow, firstOutput) = (x.rows(of: tiles).lowerBound, slice.outputs(of: panels).lowerBound)
        for (index, block) in slice.blocks.enumerated() {
            let adds = accumulate || index > 0
            if few {
                for panel in panels {
                    var part = slice.panels(panel..<panel + 1, of: block, ahead: panel + 1 < slice.panels ? 1 : 0)
                    let column = slice.outputs(of: panel..<panel + 1).lowerBound - firstOutput
                    for tile in tiles {
                        var rows = x.tile(tile, block: block, index: index)
                        let row = x.rows(of: tile).lowerBound - firstRow
                        table.multiply(&rows, &part, y.row(row) + column, y.stride, adds)
                    }
                }
            } else {
                var part = slice.panels(panels, of: block)
                for tile in tiles {
                    var rows = x.tile(tile, block: block, index: index)
                    let own = x.rows(of: tile)
                    table.multiply(&rows, &part, y.row(own.lowerBound - firstRow), y.stride, adds)
                    if index == slice.blocks.count - 1 {
                        done(own.lowerBound - firstRow..<own.upperBound - firstRow)
                    }
                }
            }
        }
        if few { done(0..<y.rows) }
    }
}
