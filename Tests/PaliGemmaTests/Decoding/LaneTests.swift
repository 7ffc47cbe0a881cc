import PaliGemma
import Testing

@Suite("Lanes that share keys and values")
struct LaneTests {
    private static let (layers, width, prefixRows) = (2, 3, 5)

    private func lane() -> Lane {
        let cache = KeyValueCache(layers: Self.layers, capacity: Self.prefixRows, width: Self.width)
        for layer in 0..<Self.layers { cache.keys(layer).fill(-1) }
        let lane = Lane(prefix: cache, prefixRows: Self.prefixRows)
        lane.count = Self.prefixRows
        return lane
    }

    private func write(_ lane: Lane, _ value: Float) {
        lane.openPosition()
        for layer in 0..<Self.layers {
            lane.lastKey(layer).fill(value)
            lane.lastValue(layer).fill(value)
        }
    }

    /// The first number of every position's key in the last layer.
    private func keys(_ lane: Lane) -> [Float] {
        let (all, columns) = (0..<lane.count, 1..<Self.width)
        let parts = [lane.prefixPart(1, all, columns: columns)] + lane.pageParts(1, all, columns: columns)
        return parts.flatMap { part in (0..<part.key.rows).map { part.key.row($0)[0] } }
    }

    @Test("Lanes that part see what they have in common and their own, over the ends of pages")
    func partings() {
        var lanes = [lane()]
        var expected: [[Float]] = [Array(repeating: -1, count: Self.prefixRows)]
        var next: Float = 0
        // Every other step all lanes go on from one of them, as beams do.
        for step in 0..<50 {
            let parent = step % lanes.count
            if step % 2 == 0 {
                let forks = (0..<3).map { lanes[parent].fork(token: Int32($0)) }
                (lanes, expected) = (forks, Array(repeating: expected[parent], count: 3))
            }
            for index in lanes.indices {
                write(lanes[index], next)
                expected[index].append(next)
                next += 1
            }
            for (lane, expected) in zip(lanes, expected) { #expect(keys(lane) == expected) }
        }
    }

    @Test("The prefix and full pages are shared, not copied")
    func sharing() {
        let first = lane()
        for step in 0..<Lane.pageRows + 2 { write(first, Float(step)) }
        let (second, third) = (first.fork(token: 1), first.fork(token: 2))
        write(second, 100)
        write(third, 200)
        func addresses(_ lane: Lane) -> [UnsafeMutableRawPointer] {
            let (all, columns) = (0..<lane.count, 0..<Self.width)
            return ([lane.prefixPart(0, all, columns: columns)] + lane.pageParts(0, all, columns: columns)).map {
                $0.key.address
            }
        }
        #expect(addresses(second).count == 3)
        #expect(addresses(second)[..<2] == addresses(third)[..<2])
        #expect(addresses(second)[2] != addresses(third)[2])
    }

    @Test("A window shows the last positions, in pages too")
    func window() {
        let lane = lane()
        for step in 0..<40 { write(lane, Float(step)) }
        func seen(_ keys: Range<Int>) -> [Float] {
            let parts = [lane.prefixPart(0, keys, columns: 0..<1)] + lane.pageParts(0, keys, columns: 0..<1)
            return parts.flatMap { part in (0..<part.key.rows).map { part.key.row($0)[0] } }
        }
        #expect(seen(3..<8) == [-1, -1, 0, 1, 2])
        #expect(seen(30..<45) == (25..<40).map(Float.init))
    }

    @Test("A lane that is alone has its room in one piece")
    func alone() {
        let cache = KeyValueCache(layers: Self.layers, capacity: 9, width: Self.width)
        let lane = Lane(prefix: cache, prefixRows: Self.prefixRows)
        lane.count = Self.prefixRows
        for step in 0..<4 { write(lane, Float(step)) }
        #expect(lane.pageParts(0, 0..<9, columns: 0..<1).isEmpty)
        #expect(cache.keys(1).values(row: 8) == [3, 3, 3])
    }
}
