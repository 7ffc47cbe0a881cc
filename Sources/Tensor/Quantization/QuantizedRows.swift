import CKernels

/// The quantized rows of a product's input: for each block of inputs, tiles of a few rows, and the high bytes of the
/// block's outliers. The memory is kept for the next input.
final class QuantizedRows: @unchecked Sendable {
    // @unchecked: filled by tasks of which each has its own tiles, then only read.

    /// Bytes: for each block its tiles as Quantized.h describes them, then for each block the high bytes of its outliers.
    private var values = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)
    /// [blocks, 4, rows]: see ``Scale``.
    private var scales = UnsafeMutableBufferPointer<Float>.allocate(capacity: 0)
    private(set) var rows = 0
    /// Rows of every tile but the last.
    private(set) var tileRows = 1
    /// The number of groups of a line, which a block's groups are filled up to.
    private var lineGroups = 1
    /// The groups before each block, and after the last one, in whole lines.
    private var firstGroups: [Int] = []
    private var blocks = 0
    private let outlierColumns = BlockOutliers()

    deinit {
        values.deallocate()
        scales.deallocate()
    }

    var tiles: Int { (rows + tileRows - 1) / tileRows }
    /// The largest number of outlier groups in a block.
    var outlierGroups: Int { (0..<blocks).reduce(0) { max($0, outliers(of: $1).groups) } }

    func outliers(of block: Int) -> OutlierColumns { outlierColumns[block] }

    /// Returns the rows of a tile.
    func rows(of tile: Int) -> Range<Int> { rows(of: tile..<tile + 1) }
    /// Returns the rows of some tiles.
    func rows(of tiles: Range<Int>) -> Range<Int> {
        tiles.lowerBound * tileRows..<min(rows, tiles.upperBound * tileRows)
    }

    /// Quantizes an input for a slice, or for several that share their inputs.
    ///
    /// - Parameter x: [T, inputs] float32.
    func fill(_ x: MatrixView, for slice: QuantizedSlice, kernels: Kernels, team: ThreadTeam) {
        precondition(x.columns == slice.inputs)
        rows = x.rows
        blocks = slice.blocks.count
        let table = kernels.int8.pointee
        lineGroups = table.line_groups
        firstGroups = [0]
        for block in slice.blocks { firstGroups.append((firstGroups.last ?? 0) + wholeLines(block.groups)) }
        tileRows = rows <= Kernels.fewRows ? min(rows, table.maximum_rows) : table.tile_rows
        reserve()
        // Few rows: a task is a block of inputs. Many rows: a task is some tiles, after the outliers were found.
        let few = rows <= Kernels.fewRows
        // A small input takes less time than waking the threads.
        let isSmall = x.rows * x.columns < 1 << 14
        let step = isSmall ? blocks : 1
        team.run((blocks + step - 1) / step) { task, thread in
            for index in task * step..<min(blocks, (task + 1) * step) {
                let block = slice.blocks[index]
                outlierColumns.find(x.columns(block.columns), lead: block.lead, index, kernels, team, thread)
                if few { quantize(x, tiles: 0..<tiles, block, index, kernels, team, thread) }
            }
        }
        if few { return }
        let run = max(1, 48 / tileRows)
        team.run((tiles + run - 1) / run) { task, thread in
            let own = task * run..<min(tiles, (task + 1) * run)
            for (index, block) in slice.blocks.enumerated() {
                quantize(x, tiles: own, block, index, kernels, team, thread)
            }
        }
    }

    private func quantize(
        _ x: MatrixView, tiles: Range<Int>, _ block: QuantizedSlice.Block, _ index: Int, _ kernels: Kernels,
        _ team: ThreadTeam, _ thread: Int
    ) {
        for tile in tiles {
            let part = x.rows(rows(of: tile)).columns(block.columns)
            if outliers(of: index).isEmpty {
                quantize(part, tile: tile, block, index, kernels)
            } else {
                quantizeWide(part, tile: tile, block, index, kernels, team, thread)
            }
        }
    }

    private func quantize(
        _ x: MatrixView, tile: Int, _ block: QuantizedSlice.Block, _ index: Int, _ kernels: Kernels
    ) {
        let table = kernels.int8.pointee
        let first = rows(of: tile).lowerBound
        table.quantize_rows(
            x.base, x.rows, x.stride, block.lead, x.columns, table.levels, start(tile, index),
            scale(.step, index) + first, scale(.zero, index) + first)
    }

    /// Quantizes a tile with outliers: they are replaced while the others are quantized, so that the steps fit these, and
    /// are written as two bytes afterwards.
    private func quantizeWide(
        _ x: MatrixView, tile: Int, _ block: QuantizedSlice.Block, _ index: Int, _ kernels: Kernels,
        _ team: ThreadTeam, _ thread: Int
    ) {
        let levels = Int(kernels.int8.pointee.levels)
        let outliers = outliers(of: index)
        let rest = MatrixView(
            base: team.scratch(thread: thread, count: x.rows * x.columns), rows: x.rows, columns: x.columns)
        rest.copy(from: x)
        for row in 0..<x.rows {
            for number in 0..<outliers.count {
                let column = outliers.column(number)
                rest.row(row)[column] = WideNumber.placeholder(of: x.row(row)[column], levels: levels)
            }
        }
        quantize(rest, tile: tile, block, index, kernels)

        let (low, high) = (start(tile, index), wideStart(tile, index))
        high.update(
            repeating: UInt8(WideNumber.zero(levels)),
            count: wholeLines(outliers.groups) * x.rows * QuantizedShape.group)
        for row in 0..<x.rows {
            let rowIndex = rows(of: tile).lowerBound + row
            let (step, zero) = (scale(.step, index)[rowIndex], scale(.zero, index)[rowIndex])
            scale(.wideStep, index)[rowIndex] = step * Float(levels + 1)
            scale(.wideZero, index)[rowIndex] = WideNumber.zero(levels)
            for number in 0..<outliers.count {
                let value = x.row(row)[outliers.column(number)]
                let number16 = WideNumber(step > 0 ? value / step + zero : zero, levels: levels)
                low[place(of: Int(outliers.positions[number]), row: row, rows: x.rows)] = number16.low
                high[place(of: number, row: row, rows: x.rows)] = number16.high
            }
        }
    }

    /// Returns one block of a tile, as a kernel takes it.
    func tile(_ tile: Int, block: QuantizedSlice.Block, index: Int) -> pg_int8_rows {
        let own = rows(of: tile)
        return pg_int8_rows(
            values: start(tile, index), rows: own.count, scales: scale(.step, index) + own.lowerBound,
            zeros: scale(.zero, index) + own.lowerBound)
    }

    /// Returns the high bytes of a block's outliers in a tile, as a kernel takes them.
    func wideTile(_ tile: Int, index: Int) -> pg_int8_rows {
        let own = rows(of: tile)
        return pg_int8_rows(
            values: wideStart(tile, index), rows: own.count, scales: scale(.wideStep, index) + own.lowerBound,
            zeros: scale(.wideZero, index) + own.lowerBound)
    }

    /// Returns a number of groups, filled up to whole lines.
    private func wholeLines(_ groups: Int) -> Int { (groups + lineGroups - 1) / lineGroups * lineGroups }

    /// Returns where an input of a row lies among the bytes of a tile of `rows` rows.
    private func place(of input: Int, row: Int, rows: Int) -> Int {
        let line = lineGroups * QuantizedShape.group
        return (input / line * rows + row) * line + input % line
    }

    private func start(_ tile: Int, _ block: Int) -> UnsafeMutablePointer<UInt8> {
        let groups = firstGroups[block + 1] - firstGroups[block]
        return bytes(groups: rows * firstGroups[block] + rows(of: tile).lowerBound * groups)
    }

    /// Groups of the largest number of outliers of a block.
    private var wideGroups: Int { wholeLines(OutlierColumns.maximumCount / QuantizedShape.group) }

    /// The high bytes are stored after all blocks.
    private func wideStart(_ tile: Int, _ index: Int) -> UnsafeMutablePointer<UInt8> {
        let before = (firstGroups.last ?? 0) + index * wideGroups
        return bytes(groups: rows * before + rows(of: tile).lowerBound * wholeLines(outliers(of: index).groups))
    }

    private func bytes(groups: Int) -> UnsafeMutablePointer<UInt8> {
        values.assumingMemoryBound(to: UInt8.self).baseAddress! + groups * QuantizedShape.group
    }

    /// The numbers that each row has in each block: the step and zero point of its values, and those of its outliers' high
    /// bytes.
    private enum Scale: Int { case step, zero, wideStep, wideZero }

    private func scale(_ kind: Scale, _ index: Int) -> UnsafeMutablePointer<Float> {
        scales.baseAddress! + (index * 4 + kind.rawValue) * rows
    }

    private func reserve() {
        outlierColumns.reserve(blocks)
        let bytes = rows * ((firstGroups.last ?? 0) + blocks * wideGroups) * QuantizedShape.group
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
