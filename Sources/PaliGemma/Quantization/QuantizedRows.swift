import CKernels

/// The rows of a product's input, quantised: for each block of inputs, tiles of a few rows. The memory is kept for the
/// next input.
final class QuantizedRows: @unchecked Sendable {
    // @unchecked: filled by tasks that own a tile each, then only read.
    private var values = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)
    private var scales = Matrix(rows: 0, columns: 0)
    private var zeros = Matrix(rows: 0, columns: 0)
    private var scaleCapacity = 0
    private(set) var rows = 0
    /// Rows of every tile but the last.
    private(set) var tileRows = 1

    deinit { values.deallocate() }

    var tiles: Int { (rows + tileRows - 1) / tileRows }

    func rows(of tile: Int) -> Range<Int> { tile * tileRows..<min(rows, (tile + 1) * tileRows) }

    func rows(of tiles: Range<Int>) -> Range<Int> {
        tiles.lowerBound * tileRows..<min(rows, tiles.upperBound * tileRows)
    }

    /// Quantises x [T, inputs] for a slice, or for several that share their inputs.
    func fill(_ x: MatrixView, for slice: QuantizedSlice, kernels: Kernels, team: ThreadTeam) {
        precondition(x.columns == slice.inputs)
        rows = x.rows
        let table = kernels.int8.pointee
        tileRows = rows <= Linear.fewRows ? min(rows, table.most_rows) : table.tile_rows
        reserve(bytes: rows * slice.groups * QuantizedShape.group, scales: rows * slice.blocks.count)
        // Little work is done sooner than threads are woken for it.
        let step = x.rows * x.columns < 1 << 15 ? tiles : max(1, 48 / tileRows)
        team.run((tiles + step - 1) / step) { task, _ in
            for tile in task * step..<min(tiles, (task + 1) * step) {
                for (index, block) in slice.blocks.enumerated() {
                    quantize(x, tile: tile, block: block, index: index, kernels)
                }
            }
        }
    }

    private func quantize(
        _ x: MatrixView, tile: Int, block: QuantizedSlice.Block, index: Int, _ kernels: Kernels
    ) {
        let table = kernels.int8.pointee
        let own = rows(of: tile)
        table.quantize_rows(
            x.row(own.lowerBound) + block.columns.lowerBound, own.count, x.stride, block.lead, block.columns.count,
            table.levels, start(of: own, block), scales.view.base + index * rows + own.lowerBound,
            zeros.view.base + index * rows + own.lowerBound)
    }

    /// One block of a tile, for a kernel.
    func tile(_ tile: Int, block: QuantizedSlice.Block, index: Int) -> pg_int8_rows {
        let own = rows(of: tile)
        return pg_int8_rows(
            values: start(of: own, block), rows: own.count, scales: scales.view.base + index * rows + own.lowerBound,
            zeros: zeros.view.base + index * rows + own.lowerBound)
    }

    private func start(of own: Range<Int>, _ block: QuantizedSlice.Block) -> UnsafeMutablePointer<UInt8> {
        let offset = (rows * block.firstGroup + own.lowerBound * block.groups) * QuantizedShape.group
        return (values.baseAddress! + offset).assumingMemoryBound(to: UInt8.self)
    }

    private func reserve(bytes: Int, scales count: Int) {
        if bytes > values.count {
            values.deallocate()
            values = UnsafeMutableRawBufferPointer.allocate(byteCount: (bytes + 63) / 64 * 64, alignment: 64)
        }
        if count > scaleCapacity {
            scales = Matrix(rows: 1, columns: count)
            zeros = Matrix(rows: 1, columns: count)
            scaleCapacity = count
        }
    }
}
