import Tensor

/// One row of a decoding step: the token that goes in, and the KV cache that it sees. A greedy sequence has one row, a beam
/// search one for each hypothesis.
///
/// The first positions stand in a cache that all rows of a sequence share; the only row of a sequence has room there for all
/// of its positions. What follows stands in pages, which are copied on write: a row that goes on from another shares its
/// pages, full pages are never written again, and a page that several rows share is copied before it is written.
package final class SequenceRow {
    /// The number of positions of a page.
    package static let pageRows = 16

    /// The token that goes in next.
    package var token: Int32 = 0
    /// The number of positions that are filled.
    package var count = 0
    /// The number of positions of the prefix, which all see each other.
    let prefixRows: Int
    let prefix: KeyValueCache
    private var pages: [KeyValueCache] = []

    package init(prefix: KeyValueCache, prefixRows: Int) {
        self.prefix = prefix
        self.prefixRows = prefixRows
    }

    /// Returns a row that goes on from this one with `token`, and shares its pages.
    package func fork(token: Int32) -> SequenceRow {
        let row = SequenceRow(prefix: prefix, prefixRows: prefixRows)
        (row.token, row.count, row.pages) = (token, count, pages)
        return row
    }

    /// The index of the last position, from 0.
    var lastPosition: Int { count - 1 }

    /// Makes room for one more position, which no other row sees.
    package func appendPosition() {
        let row = count - prefix.capacity
        count += 1
        guard row >= 0 else { return }
        if row % Self.pageRows == 0 {
            pages.append(prefix.page(rows: Self.pageRows))
        } else if !isKnownUniquelyReferenced(&pages[pages.count - 1]) {
            pages[pages.count - 1] = pages[pages.count - 1].copy(rows: row % Self.pageRows)
        }
    }

    /// The key of the last position, [1, own K·H].
    package func lastKey(_ layer: Int) -> MatrixView { last { $0.keys(layer) } }
    /// The value of the last position, [1, own K·H].
    package func lastValue(_ layer: Int) -> MatrixView { last { $0.values(layer) } }

    private func last(_ part: (KeyValueCache) -> MatrixView) -> MatrixView {
        let row = lastPosition - prefix.capacity
        if row < 0 { return part(prefix).rows(lastPosition..<lastPosition + 1) }
        return part(pages[row / Self.pageRows]).rows(row % Self.pageRows..<row % Self.pageRows + 1)
    }

    /// Returns keys and values of some filled positions, as far as they stand in the shared cache.
    package func prefixPart(_ layer: Int, _ keys: Range<Int>, columns: Range<Int>) -> DecodeAttention.Part {
        part(of: prefix, layer, rows: keys.clamped(to: 0..<prefix.capacity), columns)
    }

    /// Returns keys and values of some filled positions, as far as they stand in pages, in order.
    package func pageParts(_ layer: Int, _ keys: Range<Int>, columns: Range<Int>) -> [DecodeAttention.Part] {
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
    ) -> DecodeAttention.Part {
        DecodeAttention.Part(
            key: cache.keys(layer).rows(rows).columns(columns), value: cache.values(layer).rows(rows).columns(columns))
    }
}
