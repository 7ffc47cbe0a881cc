import CKernels

/// The layout of a quantized matrix in memory: [blocks of inputs][panels of 16 outputs][groups of 4 inputs][16][4]
/// (CKernels/include/Quantized.h). Every block of an output has a scale of its own.
struct QuantizedShape: Sendable, Equatable {
    /// Approximate number of inputs in a block: large enough that scaling the sums of a block costs little, small enough
    /// that some panels of a block stay in the second-level cache.
    private static let typicalBlock = 1024
    static let panel = Int(PG_PANEL)
    static let group = Int(PG_GROUP)
    private static let panelGroupBytes = Int(PG_PANEL_GROUP_BYTES)

    let outputs: Int
    let inputs: Int
    /// Inputs of every block but the last, a multiple of 64 where there is more than one.
    let blockInputs: Int
    let blocks: Int
    let panels: Int

    init(outputs: Int, inputs: Int) {
        self.outputs = outputs
        self.inputs = inputs
        let wanted = max(1, (inputs + Self.typicalBlock / 2) / Self.typicalBlock)
        blockInputs = ((inputs + wanted - 1) / wanted + 63) / 64 * 64
        blocks = max(1, (inputs + blockInputs - 1) / blockInputs)
        panels = (outputs + Self.panel - 1) / Self.panel
    }

    /// Returns the inputs of a block.
    func inputs(of block: Int) -> Range<Int> {
        block * blockInputs..<min(inputs, (block + 1) * blockInputs)
    }

    /// Returns the number of groups in a block.
    func groups(of block: Int) -> Int { (inputs(of: block).count + Self.group - 1) / Self.group }

    /// Returns the bytes of one panel in a block.
    func panelBytes(of block: Int) -> Int { groups(of: block) * Self.panelGroupBytes }

    /// Returns where a panel of a block starts, in bytes from the first weight.
    func offset(block: Int, panel: Int) -> Int {
        block * blockInputs * Self.panel * panels + panel * panelBytes(of: block)
    }

    /// Bytes of all weights.
    var byteCount: Int { offset(block: blocks - 1, panel: panels) }

    /// Number of scales of all blocks, 16 a panel.
    var scaleCount: Int { blocks * panels * Self.panel }

    /// Returns the index of the first scale of a panel in a block.
    func scaleIndex(block: Int, panel: Int) -> Int { (block * panels + panel) * Self.panel }
}
