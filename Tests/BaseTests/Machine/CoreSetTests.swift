import Base
import Testing

@Suite("Sets of cores")
struct CoreSetTests {
    @Test(
        "A list of the kernel's is read",
        arguments: [
            ("0", [0]), ("0-3", [0, 1, 2, 3]), ("0-1,8,10-11\n", [0, 1, 8, 10, 11]), ("63-65", [63, 64, 65]), ("", []),
            ("\n", []),
        ])
    func lists(text: String, cores: [Int]) throws {
        let set = try #require(CoreSet(list: text))
        #expect(set == CoreSet(cores) && set.count == cores.count && set.isEmpty == cores.isEmpty)
    }

    @Test(
        "What is no list of cores is refused",
        arguments: ["a", "3-1", "-1", "1-", "1-2-3", "0-99999999999999999999", "70000"])
    func noLists(text: String) {
        #expect(CoreSet(list: text) == nil)
    }

    @Test("Sets of different lengths are compared, cut and joined by their cores")
    func operations() {
        let (low, high) = (CoreSet(0..<4), CoreSet([3, 200]))
        #expect(low.intersection(high) == CoreSet([3]))
        #expect(low.union(high) == CoreSet([0, 1, 2, 3, 200]))
        #expect(low.intersection(CoreSet([200])).isEmpty)
        #expect(CoreSet(words: [15, 0, 0]) == low && low.words(count: 3) == [15, 0, 0])
    }
}
