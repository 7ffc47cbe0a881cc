import CKernels

/// Products of few rows (decoding): weights go from memory straight into registers, as the checkpoint stores them, and are
/// read once for all rows. x is arranged once a product in the order in which the inner loop reads it.
struct FewRowsProducts: Sendable {
    enum Format: Equatable, Sendable {
        case float32
        /// x rounded to bfloat16, by pairs of inputs.
        case pairs
        /// x in bfloat16 parts, weights as tiles.
        case tiles(parts: Int)
    }

    /// Rows of a tile.
    private static let tileRows = PG_STRIP

    let kernels: Kernels
    let format: Format
    /// Rows that are arranged together, and multiplied with weights together.
    var groupRows: Int {
        if case .tiles = format { return Self.tileRows }
        return .max
    }

    /// Returns the number of float32 that arranged rows take. More rows than a tile has are several groups.
    func floats(rows: Int, inputs: Int) -> Int {
        let padded = (inputs + 31) / 32 * 32
        switch format {
        case .float32: return rows * padded
        case .pairs: return rows * padded / 2
        case .tiles(let parts): return (rows + Self.tileRows - 1) / Self.tileRows * Self.tileRows * parts * padded / 2
        }
    }

    /// Arranges x [T, inputs], of at most ``groupRows`` rows, into ``floats(rows:inputs:)`` float32.
    func arrange(_ x: MatrixView, into memory: UnsafeMutablePointer<Float>) {
        switch (format, kernels.pairs, kernels.tiles) {
        case (.pairs, let pairs?, _): pairs.pointee.arrange(x.base, x.rows, x.columns, x.stride, memory)
        case (.tiles(let parts), _, let tiles?):
            tiles.pointee.arrange(
                x.base, x.rows, x.columns, x.stride, parts, UnsafeMutablePointer(OpaquePointer(memory)))
        default: kernels.table.pointee.arrange(x.base, x.rows, x.columns, x.stride, memory)
        }
    }

    /// y [T, outputs] = x · weightᵀ
    ///
    /// - Parameter x: the arranged rows, as many as y has.
    func multiply(_ x: UnsafeMutablePointer<Float>, _ weight: WeightMatrix, into y: MatrixView) {
        let (outputs, inputs, stride) = (weight.outputs, weight.inputs, weight.stride)
        switch (format, kernels.pairs, kernels.tiles) {
        case (.pairs, let pairs?, _):
            pairs.pointee.few_rows(weight.base, outputs, inputs, stride, x, y.rows, y.base, y.stride)
        case (.tiles(let parts), _, let tiles?):
            let size = floats(rows: Self.tileRows, inputs: inputs)
            for first in Swift.stride(from: 0, to: y.rows, by: Self.tileRows) {
                let own = y.rows(first..<min(y.rows, first + Self.tileRows))
                tiles.pointee.few_rows(
                    weight.base, outputs, inputs, stride,
                    UnsafePointer(OpaquePointer(x + first / Self.tileRows * size)), own.rows, parts, own.base,
                    own.stride)
            }
        default:
            kernels.table.pointee.few_rows(
                weight.element.code, weight.base, outputs, inputs, stride, x, y.rows, y.base, y.stride)
        }
    }
}

extension Kernels {
    /// From this number of rows on tiles are faster: a tile costs as much for one row as for sixteen, about as much as five
    /// rows of float32.
    private static let minimumTileRows = 5
    /// Up to this number of rows on tiles, packing the weights takes longer than reading them once more from the cache for
    /// every sixteen rows.
    private static let maximumTileRows = 64

    /// The maximum of rows whose product with weights of a type is limited by reading the weights.
    func maximumFewRows(of element: ElementType) -> Int {
        tiles != nil && element == .bfloat16 ? Self.maximumTileRows : Self.fewRows
    }

    /// How products of few rows with weights of a type are made; nil where they are made as those of many rows.
    ///
    /// - Parameter rows: rows of x, or of a group of them that are multiplied together.
    func fewRows(
        _ rows: Int, of element: ElementType, _ activations: ActivationPrecision, isBatchInvariant: Bool
    ) -> FewRowsProducts? {
        var format = FewRowsProducts.Format.float32
        if element == .bfloat16 {
            if activations == .bfloat16, pairs != nil { format = .pairs }
            if tiles != nil, (Self.minimumTileRows...Self.maximumTileRows).contains(rows) {
                format = .tiles(parts: activations == .bfloat16 ? 1 : TilePanels.allParts)
            }
        }
        // What OpenBLAS computes of a row may depend on the rows beside it.
        if usesBLAS, !isBatchInvariant { return nil }
        return FewRowsProducts(kernels: self, format: format)
    }
}
