import CKernels

/// The rows of a product's input, quantized: for each block of inputs, tiles of a few rows, and beside them the high bytes
/// of its outliers. The memory is kept for the next input.
final class QuantizedRows: @unchecked Sendable {
    // @unchecked: filled by tasks that own a tile each, then only read.
    private var values = UnsafeMutableRawBufferPointer.allocate(byteCount: 0, alignment: 64)
    private var scales = UnsafeMutableBufferPointer<Float>.allocate(capacity: 0)
    private(set) var rows = 0
    /// Rows of every tile but the last.
    private(set) var tileRows = 1
    /// Groups of all blocks without their outliers.
    private var groups = 0
    private var blocks = 0
    private let noted = OutlierNotes()

    deinit {
        values.deallocate()
        scales.deallocate()
    }

    var tiles: Int { (rows + tileRows - 1) / tileRows }
    /// Most groups of outliers that a block has.
    var outlierGroups: Int { (0..<blocks).reduce(0) { max($0, outliers(of: $1).groups) } }

    func outliers(of block: Int) -> OutlierColumns { noted[block] }

    func rows(of tile: Int) -> Range<Int> { rows(of: tile..<tile + 1) }
    func rows(of tiles: Range<Int>) -> Range<Int> {
        tiles.lowerBound * tileRows..<min(rows, tiles.upperBound * tileRows)
    }

    /// Quantizes x [T, inputs] for a slice, or for several that share their inputs.
    func fill(_ x: MatrixView, for slice: QuantizedSlice, kernels: Kernels, team: ThreadTeam) {
        precondition(x.columns == slice.inputs)
        rows = x.rows
        (groups, blocks) = (slice.groups, slice.blocks.count)
        let table = kernels.int8.pointee
        tileRows = rows <= Linear.fewRows ? min(rows, table.most_rows) : table.tile_rows
        reserve()
        // Few rows: a task is a block of inputs. Many: some tiles, when the outliers are known.
        let few = rows <= Linear.fewRows
        let alone = x.rows * x.columns < 1 << 14  // sooner done than threads are woken
        let step = alone ? blocks : 1
        team.run((blocks + step - 1) / step) { task, thread in
            for index in task * step..<min(blocks, (task + 1) * step) {
                let block = slice.blocks[index]
                noted.fill(x.columns(block.columns), lead: block.lead, index, kernels, team, thread)
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
            x.base, x.rows, x.stride, block.lead, x.columns, table.levels, start(tile, block),
            scale(.step, index) + first, scale(.zero, index) + first)
    }

    /// As `quantize`, with the outliers out of the way: the others get steps of their own size.
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
                rest.row(row)[column] = WideNumber.shadow(of: x.row(row)[column], levels: levels)
            }
        }
        quantize(rest, tile: tile, block, index, kernels)

        let (low, high) = (start(tile, block), wideStart(tile, index))
        let group = QuantizedShape.group
        high.update(
            repeating: UInt8(WideNumber.zero(levels)), count: outliers.groups * x.rows * group)
        for row in 0..<x.rows {
            let place = rows(of: tile).lowerBound + row
            let (step, zero) = (scale(.step, index)[place], scale(.zero, index)[place])
            scale(.wideStep, index)[place] = step * Float(levels + 1)
            scale(.wideZero, index)[place] = WideNumber.zero(levels)
            for number in 0..<outliers.count {
                let value = x.row(row)[outliers.column(number)]
                let number16 = WideNumber(step > 0 ? value / step + zero : zero, levels: levels)
                let at = Int(outliers.places[number])
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
        let before = groups + index * OutlierColumns.largest / QuantizedShape.group
        return bytes(groups: rows * before + rows(of: tile).lowerBound * outliers(of: index).groups)
    }

    private func bytes(groups: Int) -> UnsafeMutablePointer<UInt8> {
        values.assumingMemoryBound(to: UInt8.self).baseAddress! + groups * QuantizedShape.group
    }

    /// What each row has of each block.
    private enum Scale: Int { case step, zero, wideStep, wideZero }

    private func scale(_ kind: Scale, _ index: Int) -> UnsafeMutablePointer<Float> {
        scales.baseAddress! + (index * 4 + kind.rawValue) * rows
    }

    private func reserve() {
        noted.reserve(blocks)
        let bytes = rows * (groups * QuantizedShape.group + blocks * OutlierColumns.largest)
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

/// The outliers of each block of an input.
private final class OutlierNotes: @unchecked Sendable {
    // @unchecked: tasks fill elements of their own.
    private var places = UnsafeMutableBufferPointer<UInt32>.allocate(capacity: 0)
    private var columns = UnsafeMutableBufferPointer<OutlierColumns?>.allocate(capacity: 0)

    deinit {
        places.deallocate()
        columns.deallocate()
    }

    subscript(block: Int) -> OutlierColumns {
        guard let columns = columns[block] else { preconditionFailure("outliers are noted before they are read") }
        return columns
    }

    func reserve(_ blocks: Int) {
        guard blocks > columns.count else { return }
        places.deallocate()
        columns.deallocate()
        places = .allocate(capacity: blocks * OutlierColumns.largest)
        columns = .allocate(capacity: blocks)
        columns.initialize(repeating: nil)
    }

    func fill(
        _ x: MatrixView, lead: Int, _ block: Int, _ kernels: Kernels, _ team: ThreadTeam, _ thread: Int
    ) {
        guard let places = places.baseAddress else { return }
        columns[block] = OutlierColumns(
            x, lead: lead, most: OutlierColumns.most(rows: x.rows), memory: places + block * OutlierColumns.largest,
            scratch: team.scratch(thread: thread, count: x.columns), kernels: kernels)
    }
}
