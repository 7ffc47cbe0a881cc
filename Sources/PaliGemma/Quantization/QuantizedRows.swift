import CKernels

/// The rows of a product's input, quantised: for each block of inputs, tiles of a few rows, and beside them the high bytes
/// of its outliers. The memory is kept for the next input.
final class QuantizedRows: @unchecked Sendable {
    // @unchecked: filled by tasks that own a tile each, then only read.
    private var values = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)
    private var scales = UnsafeMutableBufferPointer<Float>.allocate(capacity: 0)
    private(set) var rows = 0
    /// Rows of every tile but the last.
    private(set) var tileRows = 1
    /// Of each block.
    private(set) var outliers: [OutlierColumns] = []
    /// Groups of all blocks without their outliers.
    private var groups = 0

    /// Most outliers of a block. With few rows their weights cost as much as the others'.
    private static func mostOutliers(rows: Int) -> Int { rows <= Linear.fewRows ? 8 : 16 }
    private static let largest = 16

    deinit {
        values.deallocate()
        scales.deallocate()
    }

    var tiles: Int { (rows + tileRows - 1) / tileRows }
    var hasOutliers: Bool { outliers.contains { !$0.isEmpty } }

    func rows(of tile: Int) -> Range<Int> { rows(of: tile..<tile + 1) }
    func rows(of tiles: Range<Int>) -> Range<Int> {
        tiles.lowerBound * tileRows..<min(rows, tiles.upperBound * tileRows)
    }

    /// Quantises x [T, inputs] for a slice, or for several that share their inputs.
    func fill(_ x: MatrixView, for slice: QuantizedSlice, kernels: Kernels, team: ThreadTeam) {
        precondition(x.columns == slice.inputs)
        rows = x.rows
        groups = slice.groups
        let table = kernels.int8.pointee
        tileRows = rows <= Linear.fewRows ? min(rows, table.most_rows) : table.tile_rows
        let most = Self.mostOutliers(rows: rows)
        outliers = slice.blocks.map { OutlierColumns(x, block: $0, most: most, kernels: kernels) }
        reserve(blocks: slice.blocks.count)
        // Little work is done sooner than threads are woken for it.
        let step = x.rows * x.columns < 1 << 15 ? tiles : max(1, 48 / tileRows)
        team.run((tiles + step - 1) / step) { task, thread in
            for tile in task * step..<min(tiles, (task + 1) * step) {
                for (index, block) in slice.blocks.enumerated() {
                    let part = x.rows(rows(of: tile)).columns(block.columns)
                    if outliers[index].isEmpty {
                        quantize(part, tile: tile, block, index, kernels)
                    } else {
                        quantizeWide(part, tile: tile, block, index, kernels, team: team, thread: thread)
                    }
                }
            }
        }
    }

    private func quantize(
        _ x: MatrixView, tile: Int, _ block: QuantizedSlice.Block, _ index: Int, _ kernels: Kernels
    ) {
        let table = kernels.int8.pointee
        let first = rows(of: tile).lowerBound
        table.quantize_rows(
            x.base, x.rows, x.stride, block.lead, x.columns, table.levels, start(tile, block),
            scale(.step, index) + first, scale(.zero, index) + first)
    }

    /// As `quantize`, with the outliers out of the way: the others get steps of their own size.
    private func quantizeWide(
        _ x: MatrixView, tile: Int, _ block: QuantizedSlice.Block, _ index: Int, _ kernels: Kernels,
        team: ThreadTeam, thread: Int
    ) {
        let levels = Int(kernels.int8.pointee.levels)
        let (places, columns) = (outliers[index].places, outliers[index].columns)
        let rest = MatrixView(
            base: team.scratch(thread: thread, count: x.rows * x.columns), rows: x.rows, columns: x.columns)
        rest.copy(from: x)
        for row in 0..<x.rows {
            for column in columns {
                rest.row(row)[column] = WideNumber.shadow(of: x.row(row)[column], levels: levels)
            }
        }
        quantize(rest, tile: tile, block, index, kernels)

        let (low, high) = (start(tile, block), wideStart(tile, index))
        let group = QuantizedShape.group
        high.update(
            repeating: UInt8(WideNumber.zero(levels)), count: outliers[index].groups * x.rows * group)
        for row in 0..<x.rows {
            let place = rows(of: tile).lowerBound + row
            let (step, zero) = (scale(.step, index)[place], scale(.zero, index)[place])
            scale(.wideStep, index)[place] = step * Float(levels + 1)
            scale(.wideZero, index)[place] = WideNumber.zero(levels)
            for (number, column) in columns.enumerated() {
                let number16 = WideNumber(step > 0 ? x.row(row)[column] / step + zero : zero, levels: levels)
                let at = Int(places[number])
                low[(at / group * x.rows + row) * group + at % group] = number16.low
                high[(number / group * x.rows + row) * group + number % group] = number16.high
            }
        }
    }

    /// One block of a tile, for a kernel.
    func tile(_ tile: Int, block: QuantizedSlice.Block, index: Int) -> pg_int8_rows {
        let own = rows(of: tile)
        return pg_int8_rows(
            values: start(tile, block), rows: own.count, scales: scale(.step, index) + own.lowerBound,
            zeros: scale(.zero, index) + own.lowerBound)
    }

    /// The high bytes of a block's outliers of a tile, for a kernel.
    func wideTile(_ tile: Int, index: Int) -> pg_int8_rows {
        let own = rows(of: tile)
        return pg_int8_rows(
            values: wideStart(tile, index), rows: own.count, scales: scale(.wideStep, index) + own.lowerBound,
            zeros: scale(.wideZero, index) + own.lowerBound)
    }

    private func start(_ tile: Int, _ block: QuantizedSlice.Block) -> UnsafeMutablePointer<UInt8> {
        bytes(groups: rows * block.firstGroup + rows(of: tile).lowerBound * block.groups)
    }

    /// High bytes stand behind all blocks.
    private func wideStart(_ tile: Int, _ index: Int) -> UnsafeMutablePointer<UInt8> {
        let before = groups + index * Self.largest / QuantizedShape.group
        return bytes(groups: rows * before + rows(of: tile).lowerBound * outliers[index].groups)
    }

    private func bytes(groups: Int) -> UnsafeMutablePointer<UInt8> {
        values.assumingMemoryBound(to: UInt8.self).baseAddress! + groups * QuantizedShape.group
    }

    /// What each row has of each block.
    private enum Scale: Int { case step, zero, wideStep, wideZero }

    private func scale(_ kind: Scale, _ index: Int) -> UnsafeMutablePointer<Float> {
        scales.baseAddress! + (index * 4 + kind.rawValue) * rows
    }

    private func reserve(blocks: Int) {
        let bytes = rows * (groups * QuantizedShape.group + blocks * Self.largest)
        if bytes > values.count {
            values.deallocate()
            values = UnsafeMutableRawBufferPointer.allocate(byteCount: (bytes + 63) / 64 * 64, alignment: 64)
        }
        if rows * blocks * 4 > scales.count {
            scales.deallocate()
            scales = UnsafeMutableBufferPointer.allocate(capacity: rows * blocks * 4)
        }
    }
}
