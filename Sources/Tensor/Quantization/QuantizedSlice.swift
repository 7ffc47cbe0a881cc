import CKernels

/// Some outputs over some inputs of a quantized matrix, as the kernels take them. Panels and groups of which the slice has
/// only a part are multiplied as a whole: outputs outside of the slice are not stored, and inputs outside of it are
/// multiplied with activations that hold the zero point, so that they cancel.
final class QuantizedSlice: @unchecked Sendable {
    // @unchecked: the memory is constant once `sumWeights` has run; `file` keeps the mapping alive.

    /// The part of one block of inputs.
    struct Block {
        /// Inputs of the block, counted from the slice's first.
        let columns: Range<Int>
        /// Inputs of the first group before the slice.
        let lead: Int
        /// Groups of four inputs.
        let groups: Int
        /// The weights of the slice's first panel.
        let weights: UnsafePointer<Int8>
        /// Bytes between panels.
        let stride: Int
        /// [panels · 16]: the scale of each output.
        let scales: UnsafePointer<Float>
        /// [panels · 16]: the sum of each output's weights.
        let sums: UnsafePointer<Float>
    }

    let outputs: Int
    let inputs: Int
    /// Outputs of the first panel before the slice.
    let skip: Int
    let panels: Int
    let blocks: [Block]
    /// Number of groups in all blocks.
    let groups: Int
    /// Inputs of the longest block, padded to groups.
    let maximumBlockInputs: Int
    /// Keeps the mapping alive. (The matrix owns its slices, so a reference to it would be a cycle.)
    private let file: MappedFile
    /// Blocks of which the slice has only a part, so that their sums are not in the file.
    private let partial: [(index: Int, block: Block)]
    private let sums: Matrix

    init(matrix: QuantizedMatrix, outputs: Range<Int>, inputs: Range<Int>) {
        let shape = matrix.shape
        precondition(outputs.upperBound <= shape.outputs && inputs.upperBound <= shape.inputs && !inputs.isEmpty)
        file = matrix.file
        self.outputs = outputs.count
        self.inputs = inputs.count
        let (panel, group) = (QuantizedShape.panel, QuantizedShape.group)
        let firstPanel = outputs.lowerBound / panel
        skip = outputs.lowerBound % panel
        panels = (outputs.upperBound + panel - 1) / panel - firstPanel
        let used = inputs.lowerBound / shape.blockInputs...(inputs.upperBound - 1) / shape.blockInputs
        sums = Matrix(rows: used.count, columns: panels * panel)

        var blocks: [Block] = []
        var partial: [(Int, Block)] = []
        var groups = 0
        for (index, block) in used.enumerated() {
            let own = shape.inputs(of: block).clamped(to: inputs)
            let start = own.lowerBound - block * shape.blockInputs
            let count = (start % group + own.count + group - 1) / group
            blocks.append(
                Block(
                    columns: own.lowerBound - inputs.lowerBound..<own.upperBound - inputs.lowerBound,
                    lead: start % group, groups: count,
                    weights: matrix.values + shape.offset(block: block, panel: firstPanel)
                        + start / group * group * panel,
                    stride: shape.panelBytes(of: block),
                    scales: matrix.scales + shape.scaleIndex(block: block, panel: firstPanel),
                    sums: own == shape.inputs(of: block)
                        ? matrix.sums + shape.scaleIndex(block: block, panel: firstPanel)
                        : UnsafePointer(sums.view.row(index))))
            if own != shape.inputs(of: block) { partial.append((index, blocks[index])) }
            groups += count
        }
        self.blocks = blocks
        self.partial = partial
        self.groups = groups
        maximumBlockInputs = (blocks.map(\.groups).max() ?? 0) * group
    }

    /// Whether an input that was quantized for one slice can be multiplied with the other.
    func hasInputs(of other: QuantizedSlice) -> Bool {
        zip(blocks, other.blocks).allSatisfy { $0.columns == $1.columns && $0.lead == $1.lead }
            && blocks.count == other.blocks.count
    }

    /// Sums each output's weights in blocks of which the slice has a part. The zero point of the activations is multiplied
    /// with these sums.
    func sumWeights(kernels: Kernels, team: ThreadTeam) {
        if partial.isEmpty { return }
        let task = 16  // panels
        team.run((panels + task - 1) / task) { index, _ in
            for (row, block) in partial {
                for panel in index * task..<min(panels, (index + 1) * task) {
                    kernels.int8.pointee.sum_panel(
                        block.weights + panel * block.stride, block.groups,
                        sums.view.row(row) + panel * QuantizedShape.panel)
                }
            }
        }
    }

    /// Returns the outputs of some panels, both counted from the slice's first.
    func outputs(of panels: Range<Int>) -> Range<Int> {
        max(
            0, panels.lowerBound * QuantizedShape.panel - skip)..<min(
                outputs, panels.upperBound * QuantizedShape.panel - skip)
    }

    /// Returns the bytes that ``gathered(_:of:outliers:kernels:memory:)`` needs for some panels: weights and sums.
    static func gatheredBytes(panels: Int, groups: Int) -> Int {
        panels * QuantizedShape.panel * (groups * QuantizedShape.group + MemoryLayout<Float>.size)
    }

    /// Gathers the weights of a block's outliers in some panels, as a kernel takes them.
    ///
    /// - Parameter memory: ``gatheredBytes(panels:groups:)`` bytes, which the result points to.
    func gathered(
        _ range: Range<Int>, of block: Block, outliers: OutlierColumns, kernels: Kernels,
        memory: UnsafeMutableRawPointer
    ) -> pg_int8_panels {
        let table = kernels.int8.pointee
        let bytes = outliers.groups * QuantizedShape.group * QuantizedShape.panel
        let weights = memory.assumingMemoryBound(to: Int8.self)
        let sums = (memory + range.count * bytes).assumingMemoryBound(to: Float.self)
        for (index, panel) in range.enumerated() {
            table.gather_panel(
                block.weights + panel * block.stride, outliers.positions, outliers.count, weights + index * bytes)
            table.sum_panel(weights + index * bytes, outliers.groups, sums + index * QuantizedShape.panel)
        }
        return pg_int8_panels(
            weights: weights, stride: bytes, groups: outliers.groups,
            scales: block.scales + range.lowerBound * QuantizedShape.panel, sums: sums,
            skip: range.lowerBound == 0 ? skip : 0, outputs: outputs(of: range).count, ahead: 0)
    }

    /// Returns some panels of a block, as a kernel takes them.
    ///
    /// - Parameter ahead: number of panels after them that the kernel prefetches.
    func panels(_ range: Range<Int>, of block: Block, ahead: Int = 0) -> pg_int8_panels {
        pg_int8_panels(
            weights: block.weights + range.lowerBound * block.stride, stride: block.stride, groups: block.groups,
            scales: block.scales + range.lowerBound * QuantizedShape.panel,
            sums: block.sums + range.lowerBound * QuantizedShape.panel, skip: range.lowerBound == 0 ? skip : 0,
            outputs: outputs(of: range).count, ahead: ahead * block.stride)
    }
}
