import CKernels

/// How a quantized matrix lies in memory: blocks of inputs, in each block panels of 16 outputs, in each panel groups of
/// four inputs (CKernels/include/Quantized.h). Every block of an output has a scale of its own.
struct QuantizedShape: Sendable, Equatable {
    /// Inputs of a block, about: long enough that the sums of a block cost little to scale, short enough that a block
    /// of some panels stays in the second cache.
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

    func inputs(of block: Int) -> Range<Int> {
        block * blockInputs..<min(inputs, (block + 1) * blockInputs)
    }

    func groups(of block: Int) -> Int { (inputs(of: block).count + Self.group - 1) / Self.group }

    /// Bytes of one panel's block.
    func panelBytes(of block: Int) -> Int { groups(of: block) * Self.panelGroupBytes }

    /// Where a panel's block starts, in bytes from the first weight.
    func offset(block: Int, panel: Int) -> Int {
        block * blockInputs * Self.panel * panels + panel * panelBytes(of: block)
    }

    /// Bytes of all weights.
    var byteCount: Int { offset(block: blocks - 1, panel: panels) }

    /// Scales of all blocks, 16 a panel.
    var scaleCount: Int { blocks * panels * Self.panel }

    /// Where a panel's scales in a block start.
    func scaleIndex(block: Int, panel: Int) -> Int { (block * panels + panel) * Self.panel }
}
