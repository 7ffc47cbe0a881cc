/// What a product has to know besides its matrices. It is an argument of every product: nothing of it is remembered
/// between two calls.
package struct ProductContext: Sendable {
    /// The part of the forward pass that the time and the operations are counted for.
    package var phase: OperationMeter.Phase
    /// Which low-rank adapter answers each row of x.
    package var adapters: RowAdapters
    /// Whether each row's result must be the same to the bit whatever rows are beside it.
    ///
    /// It costs time: rows are multiplied in groups of a fixed size, and with int8 weights they are quantized one by one,
    /// because what counts as an outlier depends on all rows that are quantized together.
    package var isBatchInvariant: Bool

    package init(phase: OperationMeter.Phase, adapters: RowAdapters = .none, isBatchInvariant: Bool = false) {
        self.phase = phase
        self.adapters = adapters
        self.isBatchInvariant = isBatchInvariant
    }

    /// The context of some of the rows.
    package func rows(_ range: Range<Int>) -> ProductContext {
        ProductContext(phase: phase, adapters: adapters.rows(range), isBatchInvariant: isBatchInvariant)
    }

    /// The same without adapters, for the products that adapters are made of.
    package var withoutAdapters: ProductContext { ProductContext(phase: phase, isBatchInvariant: isBatchInvariant) }
}
