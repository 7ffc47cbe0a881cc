import PaliGemma
import Testing

@Suite("Rows of a sequence share the KV cache")
struct SequenceRowTests {
    private static let (layers, width, prefixRows) = (2, 3, 5)

    private func row() -> SequenceRow {
        let cache = KeyValueCache(layers: Self.layers, capacity: Self.prefixRows, width: Self.width)
        for layer in 0..<Self.layers { cache.keys(layer).fill(-1) }
        let row = SequenceRow(prefix: cache, prefixRows: Self.prefixRows)
        row.count = Self.prefixRows
        return row
    }

    private func write(_ row: SequenceRow, _ value: Float) {
        row.appendPosition()
        for layer in 0..<Self.layers {
            row.lastKey(layer).fill(value)
            row.lastValue(layer).fill(value)
        }
    }

    /// The first number of every position's key in the last layer.
    private func keys(_ row: SequenceRow) -> [Float] {
        let (all, columns) = (0..<row.count, 1..<Self.width)
        let parts = [row.prefixPart(1, all, columns: columns)] + row.pageParts(1, all, columns: columns)
        return parts.flatMap { part in (0..<part.key.rows).map { part.key.row($0)[0] } }
    }

    @Test("Forked rows see what they share and their own positions, across the ends of pages")
    func forks() {
        var rows = [row()]
        var expected: [[Float]] = [Array(repeating: -1, count: Self.prefixRows)]
        var next: Float = 0
        // Every other step all rows go on from one of them, as beams do.
        for step in 0..<50 {
            let parent = step % rows.count
            if step % 2 == 0 {
                let forks = (0..<3).map { rows[parent].fork(token: Int32($0)) }
                (rows, expected) = (forks, Array(repeating: expected[parent], count: 3))
            }
            for index in rows.indices {
                write(rows[index], next)
                expected[index].append(next)
                next += 1
            }
            for (row, expected) in zip(rows, expected) { #expect(keys(row) == expected) }
        }
    }

    @Test("The prefix and full pages are shared, and not copied")
    func sharing() {
        let first = row()
        for step in 0..<SequenceRow.pageRows + 2 { write(first, Float(step)) }
        let (second, third) = (first.fork(token: 1), first.fork(token: 2))
        write(second, 100)
        write(third, 200)
        func addresses(_ row: SequenceRow) -> [UnsafeMutableRawPointer] {
            let (all, columns) = (0..<row.count, 0..<Self.width)
            return ([row.prefixPart(0, all, columns: columns)] + row.pageParts(0, all, columns: columns)).map {
                $0.key.address
            }
        }
        #expect(addresses(second).count == 3)
        #expect(addresses(second)[..<2] == addresses(third)[..<2])
        #expect(addresses(second)[2] != addresses(third)[2])
    }

    @Test("A sliding window sees the last positions, in pages too")
    func window() {
        let row = row()
        for step in 0..<40 { write(row, Float(step)) }
        func seen(_ keys: Range<Int>) -> [Float] {
            let parts = [row.prefixPart(0, keys, columns: 0..<1)] + row.pageParts(0, keys, columns: 0..<1)
            return parts.flatMap { part in (0..<part.key.rows).map { part.key.row($0)[0] } }
        }
        #expect(seen(3..<8) == [-1, -1, 0, 1, 2])
        #expect(seen(30..<45) == (25..<40).map(Float.init))
    }

    @Test("The only row of a sequence needs no pages")
    func alone() {
        let cache = KeyValueCache(layers: Self.layers, capacity: 9, width: Self.width)
        let row = SequenceRow(prefix: cache, prefixRows: Self.prefixRows)
        row.count = Self.prefixRows
        for step in 0..<4 { write(row, Float(step)) }
        #expect(row.pageParts(0, 0..<9, columns: 0..<1).isEmpty)
        #expect(cache.keys(1).values(row: 8) == [3, 3, 3])
    }
}
