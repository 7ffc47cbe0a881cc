import Base
import Foundation
import TestSupport
import Testing

@Suite("Ranks on NUMA nodes")
struct NodeBindingTests {
    private static let two = ["0-31", "32-63"]
    private static let four = ["0-15", "16-31", "32-47", "48-63"]

    private func machine(_ nodes: [String], cores: String = "0-63", quota: String = "max 100000") throws
        -> MachineLimits
    {
        let folder = try MachineFolder(cores: cores, online: "0-63", nodes: nodes, limits: ["cpu.max": quota])
        return MachineLimits(SystemFiles(root: folder.root))
    }

    private func places(_ ranks: Int, _ machine: MachineLimits) -> [CoreSet?] {
        (0..<ranks).map { NodeBinding.cores(ofRank: $0, of: ranks, on: machine) }
    }

    @Test("Ranks that fit the nodes evenly keep to one each in turn, or to neighbors where there are more nodes")
    func placed() throws {
        let (low, high) = (CoreSet(0..<32), CoreSet(32..<64))
        #expect(try places(2, machine(Self.two)) == [low, high])
        #expect(try places(4, machine(Self.two)) == [low, high, low, high])
        #expect(try places(2, machine(Self.four)) == [low, high])
        #expect(try places(4, machine(Self.four)).compactMap(\.self).count == 4)
    }

    @Test("Ranks are not bound on one node, alone, or where a part would be smaller than another's")
    func notPlaced() throws {
        #expect(try places(2, machine([])) == [nil, nil])
        #expect(try places(2, machine(["0-63"])) == [nil, nil])
        #expect(try places(1, machine(Self.two)) == [nil])
        #expect(try places(3, machine(Self.two)) == [nil, nil, nil])
        #expect(try places(3, machine(Self.four)) == [nil, nil, nil])
        // Eight cores of one node and two of the other; one core of each.
        #expect(try places(2, machine(Self.two, cores: "0-7,32-33")) == [nil, nil])
        #expect(try places(2, machine(Self.two, cores: "0,32")) == [nil, nil])
        // A node that the process may not use is none.
        #expect(try places(2, machine(Self.two, cores: "0-31")) == [nil, nil])
    }

    @Test(
        "The usual number of ranks is that of the nodes, one where they do not serve, and fits the quota",
        arguments: [
            ([], "0-63", "max", 1), (two, "0-63", "max", 2), (four, "0-63", "max", 4), (four, "0-47", "max", 3),
            (two, "0-7,32-33", "max", 1), (two, "0-31", "max", 1), (four, "0-63", "500000", 2),
            (two, "0-63", "300000", 1),
            ((0..<16).map { "\($0 * 4)-\($0 * 4 + 3)" }, "0-63", "max", 8),
        ])
    func bestRanks(nodes: [String], cores: String, quota: String, ranks: Int) throws {
        #expect(try NodeBinding.bestRanks(on: machine(nodes, cores: cores, quota: quota + " 100000")) == ranks)
    }

    @Test("A thread that is bound runs on those cores alone, and so do the threads that it starts")
    func bound() async throws {
        let own = try #require(SystemFiles().allowedCores(ofProcess: "self"))
        let first = CoreSet((0..<4096).first { !own.intersection(CoreSet([$0])).isEmpty }.map { [$0] } ?? [])
        let found = await withCheckedContinuation { continuation in
            Thread.detachNewThread {
                do throws(SystemError) {
                    try NodeBinding.run(on: first)
                } catch {
                    return continuation.resume(returning: [CoreSet?]())
                }
                let here = SystemFiles().allowedCores(ofProcess: "thread-self")
                Thread.detachNewThread {
                    continuation.resume(returning: [here, SystemFiles().allowedCores(ofProcess: "thread-self")])
                }
            }
        }
        #expect(found == [first, first])
        #expect(throws: SystemError.self) { try NodeBinding.run(on: CoreSet()) }
    }
}
