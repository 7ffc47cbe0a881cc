import CKernels

/// Panels of bfloat16 parts of the weights in tiles; x is split into parts too, once for all products with it
/// (CKernels/include/BFloat16.h).
struct TilePanels: PanelProducts, @unchecked Sendable {
    // @unchecked: a table of constants.

    /// The parts of a float32 number.
    static let allParts = PG_PARTS
    private static let blockInputs = PG_BLOCK_INPUTS
    private static let strip = PG_STRIP
    /// Numbers of a block of a strip.
    private static let block = PG_BLOCK
    /// Bytes of a panel that stays in the second cache beside the rows that it is multiplied with.
    private static let panelBytes = 512 << 10

    let tiles: UnsafePointer<pg_tile_kernels>
    /// Parts of x: all for exact products, one for products of rounded activations.
    let rowParts: Int

    let outputGroup = 2 * Self.strip
    let inputGroup = Self.blockInputs
    let rowGroup = 2 * Self.strip
    let maximumOutputs = 128

    func maximumInputs(of element: ElementType) -> Int {
        Self.panelBytes / (2 * maximumOutputs * parts(of: element)) / inputGroup * inputGroup
    }

    /// Packing a panel costs a few percent of its products with a thousand rows. Where it has all inputs, no partial sums
    /// have to stay in the cache.
    func maximumRows(inputs: Int, of element: ElementType) -> Int { inputs <= maximumInputs(of: element) ? 2048 : 1024 }

    /// Parts that weights of a type consist of.
    private func parts(of element: ElementType) -> Int {
        switch element {
        case .bfloat16: 1
        case .float16: 2
        case .float32: Self.allParts
        }
    }

    private func blocks(_ inputs: Int) -> Int { (inputs + Self.blockInputs - 1) / Self.blockInputs }

    /// Numbers of a strip of arranged rows.
    private func stripNumbers(inputs: Int) -> Int { blocks(inputs) * rowParts * Self.block }

    func rowFloats(rows: Int, inputs: Int) -> Int {
        (rows + Self.strip - 1) / Self.strip * stripNumbers(inputs: inputs) / 2
    }

    func arrange(_ x: MatrixView, into memory: UnsafeMutablePointer<Float>) {
        let numbers = 2 * rowFloats(rows: x.rows, inputs: x.columns)
        memory.withMemoryRebound(to: UInt16.self, capacity: numbers) {
            tiles.pointee.split(x.base, x.rows, x.columns, x.stride, rowParts, $0)
        }
    }

    func panelFloats(outputs: Int, inputs: Int, of element: ElementType) -> Int {
        (outputs + Self.strip - 1) / Self.strip * blocks(inputs) * parts(of: element) * Self.block / 2
    }

    func pack(_ weights: PanelSource, into panel: UnsafeMutablePointer<Float>) {
        panel.withMemoryRebound(to: UInt16.self, capacity: 1) {
            tiles.pointee.pack(
                weights.element.code, weights.base, weights.outputs, weights.inputs, weights.stride, $0)
        }
    }

    func packColumns(_ values: MatrixView, into panel: UnsafeMutablePointer<Float>) {
        panel.withMemoryRebound(to: UInt16.self, capacity: 1) {
            tiles.pointee.pack_columns(values.base, values.rows, values.columns, values.stride, $0)
        }
    }

    func multiply(_ x: PanelRows, _ panel: Panel, into output: PanelOutput, next: pg_next) {
        precondition(x.rows.lowerBound % Self.strip == 0 && x.inputs.lowerBound % inputGroup == 0)
        guard let arranged = x.arranged else { return }
        let strip = stripNumbers(inputs: x.x.columns)
        let start =
            x.rows.lowerBound / Self.strip * strip + x.inputs.lowerBound / Self.blockInputs * rowParts * Self.block
        var product = pg_tile_product(
            x: UnsafePointer(OpaquePointer(arranged + start / 2)), x_stride: strip, x_parts: rowParts,
            rows: x.rows.count, panel: UnsafePointer(OpaquePointer(panel.base)), weight_parts: parts(of: panel.element),
            outputs: panel.outputs, blocks: blocks(panel.inputs), out: output.code, next: next)
        tiles.pointee.multiply(&product)
    }
}
