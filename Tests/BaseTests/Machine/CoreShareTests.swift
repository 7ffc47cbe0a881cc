import Base
import Testing

@Suite("How the ranks of a host share its cores")
struct CoreShareTests {
    private func shares(_ masks: [CoreSet], quota: Int? = nil, threads: Int? = nil) -> [CoreShare] {
        masks.indices.map { CoreShare(rank: $0, masks: masks, quota: quota, threads: threads) }
    }

    private func unbound(_ ranks: Int, on cores: Int) -> [CoreSet] {
        Array(repeating: CoreSet(0..<cores), count: ranks)
    }

    @Test(
        "Ranks that may run everywhere divide the cores, or take turns with all of them",
        arguments: [
            (1, 64, 64, false), (1, 1, 1, false), (2, 64, 32, false), (4, 8, 2, false), (4, 7, 7, true),
            (4, 2, 2, true),
            (2, 1, 1, true),
        ])
    func unbound(ranks: Int, cores: Int, threads: Int, takesTurns: Bool) {
        for share in shares(unbound(ranks, on: cores)) {
            #expect(share.threads == threads && share.takesTurns == takesTurns)
            #expect(share.hasCorePerThread == !takesTurns)
        }
    }

    @Test("Ranks on cores of their own use all of them; ranks on one node divide it")
    func bound() {
        let (low, high) = (CoreSet(0..<32), CoreSet(32..<64))
        for share in shares([low, high]) { #expect(share.threads == 32 && !share.takesTurns && share.hasCorePerThread) }
        for share in shares([low, high, low, high]) { #expect(share.threads == 16 && share.hasCorePerThread) }
        #expect(shares([low, high, low]).map(\.threads) == [16, 32, 16])
        // As Open MPI binds two ranks by itself.
        for share in shares([CoreSet([0]), CoreSet([1])]) { #expect(share.threads == 1 && !share.takesTurns) }
    }

    @Test(
        "A quota is divided among all ranks, bound or not",
        arguments: [
            (8, 4, false), (5, 2, false), (3, 3, true), (1, 1, true), (1000, 32, false),
        ])
    func quota(cores: Int, threads: Int, takesTurns: Bool) {
        for masks in [[CoreSet(0..<32), CoreSet(32..<64)], unbound(2, on: 64)] {
            for share in shares(masks, quota: cores) {
                #expect(share.threads == threads && share.takesTurns == takesTurns)
                #expect(share.hasCorePerThread == !takesTurns)
            }
        }
        #expect(shares(unbound(1, on: 64), quota: cores)[0].threads == min(64, cores))
    }

    @Test("Threads that were asked for are given; ranks take turns where each has as many as there are cores")
    func given() {
        #expect(shares(unbound(2, on: 4), threads: 1).allSatisfy { $0.threads == 1 && !$0.takesTurns })
        #expect(shares(unbound(2, on: 4), threads: 4).allSatisfy { $0.threads == 4 && $0.takesTurns })
        #expect(shares(unbound(1, on: 4), threads: 9).allSatisfy { !$0.takesTurns && !$0.hasCorePerThread })
        #expect(shares(unbound(2, on: 4), quota: 2, threads: 2).allSatisfy { $0.takesTurns })
        #expect(shares([CoreSet([0]), CoreSet([1])], threads: 1).allSatisfy { !$0.takesTurns && $0.hasCorePerThread })
        #expect(!shares(unbound(2, on: 4), threads: .max)[0].hasCorePerThread)
    }
}
