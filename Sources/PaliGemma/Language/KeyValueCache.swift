import Tensor

/// The KV cache of some positions on one rank: keys (after rotation) and values in float32, for the key/value heads that the
/// rank decodes with.
package final class KeyValueCache {
    private let memory: Matrix  // [layers · 2 · capacity, own K·H]
    /// The number of positions that it has room for.
    let capacity: Int
    private let layers: Int

    /// - Parameter width: own K·H, the width of the rank's key/value heads together.
    package init(layers: Int, capacity: Int, width: Int) {
        self.capacity = capacity
        self.layers = layers
        memory = Matrix(rows: layers * 2 * capacity, columns: width)
    }

    /// The keys of a layer, [capacity, own K·H].
    package func keys(_ layer: Int) -> MatrixView { part(2 * layer) }
    /// The values of a layer, [capacity, own K·H].
    func values(_ layer: Int) -> MatrixView { part(2 * layer + 1) }

    private func part(_ index: Int) -> MatrixView { memory.view.rows(index * capacity..<(index + 1) * capacity) }

    /// Returns an empty cache of `rows` positions of the same model.
    func page(rows: Int) -> KeyValueCache {
        KeyValueCache(layers: layers, capacity: rows, width: memory.view.columns)
    }

    /// Returns a cache of the same capacity with a copy of the first `rows` positions of all layers.
    func copy(rows: Int) -> KeyValueCache {
        let copy = page(rows: capacity)
        for index in 0..<2 * layers {
            copy.part(index).rows(0..<rows).copy(from: part(index).rows(0..<rows))
        }
        return copy
    }
}
