import Tensor

/// One row of a decoding step: the token that goes in, and the keys and values that it sees.
///
/// The first positions stand in a cache that the lanes of a sequence share; a lane that is alone has its room there for
/// all of them. What follows stands in pages. A lane that goes on from another takes over its pages: full ones are never
/// written again and stay shared, a page that is written to by one of several lanes is copied first.
package final class Lane {
    /// Positions of a page.
    package static let pageRows = 16

    /// What is fed next.
    package var token: Int32 = 0
    /// Positions that are filled.
    package var count = 0
    /// Positions that see all of each other.
    let prefixRows: Int
    let prefix: KeyValueCache
    private var pages: [KeyValueCache] = []

    package init(prefix: KeyValueCache, prefixRows: Int) {
        self.prefix = prefix
        self.prefixRows = prefixRows
    }

    /// A lane that goes on from this one with a token.
    package func fork(token: Int32) -> Lane {
        let lane = Lane(prefix: prefix, prefixRows: prefixRows)
        (lane.token, lane.count, lane.pages) = (token, count, pages)
        return lane
    }

    /// The place of the position that was opened last, from 0.
    var place: Int { count - 1 }

    /// Makes room for one more position, which no other lane sees.
    package func openPosition() {
        let row = count - prefix.capacity
        count += 1
        guard row >= 0 else { return }
        if row % Self.pageRows == 0 {
            pages.append(prefix.page(rows: Self.pageRows))
        } else if !isKnownUniquelyReferenced(&pages[pages.count - 1]) {
            pages[pages.count - 1] = pages[pages.count - 1].copy(rows: row % Self.pageRows)
        }
    }

    /// Key and value [width] of the position that was opened last.
    package func lastKey(_ layer: Int) -> MatrixView { last { $0.keys(layer) } }
    package func lastValue(_ layer: Int) -> MatrixView { last { $0.values(layer) } }

    private func last(_ part: (KeyValueCache) -> MatrixView) -> MatrixView {
        let row = place - prefix.capacity
        if row < 0 { return part(prefix).rows(place..<place + 1) }
        return part(pages[row / Self.pageRows]).rows(row % Self.pageRows..<row % Self.pageRows + 1)
    }

    /// Keys and values of some filled positions, as far as they stand in the shared cache.
    package func prefixPart(_ layer: Int, _ keys: Range<Int>, columns: Range<Int>) -> CacheAttention.Part {
        part(of: prefix, layer, rows: keys.clamped(to: 0..<prefix.capacity), columns)
    }

    /// The same in the pages, in order.
    package func pageParts(_ layer: Int, _ keys: Range<Int>, columns: Range<Int>) -> [CacheAttention.Part] {
        guard keys.upperBound > prefix.capacity else { return [] }
        return pages.enumerated().compactMap { index, page in
            let start = prefix.capacity + index * Self.pageRows
            let own = keys.clamped(to: start..<start + Self.pageRows)
            return own.isEmpty
                ? nil : part(of: page, layer, rows: own.lowerBound - start..<own.upperBound - start, columns)
        }
    }

    private func part(
        of cache: KeyValueCache, _ layer: Int, rows: Range<Int>, _ columns: Range<Int>
    ) -> CacheAttention.Part {
        CacheAttention.Part(
            key: cache.keys(layer).rows(rows).columns(columns), value: cache.values(layer).rows(rows).columns(columns))
    }
}

/// Keys (after rotation) and values of some positions on one rank, float32, for the heads that the rank decodes with.
package final class KeyValueCache {
    private let memory: Matrix
    /// Most positions.
    let capacity: Int
    private let layers: Int

    /// - Parameter width: of the rank's key heads together.
    package init(layers: Int, capacity: Int, width: Int) {
        self.capacity = capacity
        self.layers = layers
        memory = Matrix(rows: layers * 2 * capacity, columns: width)
    }

    /// [capacity, width] of a layer.
    package func keys(_ layer: Int) -> MatrixView { part(2 * layer) }
    func values(_ layer: Int) -> MatrixView { part(2 * layer + 1) }

    private func part(_ index: Int) -> MatrixView { memory.view.rows(index * capacity..<(index + 1) * capacity) }

    /// An empty one of other positions of the same model.
    func page(rows: Int) -> KeyValueCache {
        KeyValueCache(layers: layers, capacity: rows, width: memory.view.columns)
    }

    /// The first `rows` positions of all layers.
    func copy(rows: Int) -> KeyValueCache {
        let copy = page(rows: capacity)
        for index in 0..<2 * layers {
            copy.part(index).rows(0..<rows).copy(from: part(index).rows(0..<rows))
        }
        return copy
    }
}
