import Base
import Foundation
import TestSupport
import Testing

@Suite("What a process may use of its machine")
struct MachineLimitsTests {
    private func limits(_ machine: MachineFolder) -> MachineLimits {
        MachineLimits(SystemFiles(root: machine.root))
    }

    @Test("A machine without limits has nothing to say")
    func whole() throws {
        let machine = limits(try MachineFolder(cores: "0-63", online: "0-63", nodes: ["0-31", "32-63"]))
        #expect(machine.cores == 64 && machine.machineCores == 64 && machine.quotaCores == nil)
        #expect(machine.memory == 64_000_000 * 1024 && machine.descriptions.isEmpty)
        #expect(machine.nodes.map(\.cores.count) == [32, 32])
    }

    @Test(
        "The tighter of affinity mask and quota counts, and says so",
        arguments: [
            ("0-63", "200000 100000", 2, "2 of 64 cores (cgroup quota of 2)"),
            ("0-3", "max 100000", 4, "4 of 64 cores (affinity mask)"),
            ("0-3", "800000 100000", 4, "4 of 64 cores (affinity mask)"),
            ("0-3,8-11", "250000 100000", 3, "3 of 64 cores (cgroup quota of 2.5)"),
        ])
    func cores(mask: String, quota: String, cores: Int, text: String) throws {
        let machine = limits(try MachineFolder(cores: mask, online: "0-63", limits: ["cpu.max": quota]))
        #expect(machine.cores == cores && machine.descriptions == [text])
    }

    @Test(
        "A quota is rounded to the nearest number of cores, at least one",
        arguments: [
            ("10000", 1), ("100000", 1), ("140000", 1), ("150000", 2), ("240000", 2), ("250000", 3),
            ("999999999999999", 64),
        ])
    func rounding(quota: String, cores: Int) throws {
        let machine = limits(
            try MachineFolder(cores: "0-63", online: "0-63", limits: ["cpu.max": quota + " 100000"]))
        #expect(machine.cores == cores)
    }

    @Test("A quota that leaves part of a core unused is said although it costs no thread")
    func partOfCore() throws {
        let machine = limits(
            try MachineFolder(cores: "0-1", online: "0-1", limits: ["cpu.max": "175000 100000"]))
        #expect(machine.cores == 2 && machine.descriptions == ["2 of 2 cores (cgroup quota of 1.75)"])
    }

    @Test("The memory limit counts where it is below what the machine has")
    func memory() throws {
        let small = limits(
            try MachineFolder(cores: "0", online: "0", memory: 8_000_000, limits: ["memory.max": "2000000000"]))
        #expect(small.memory == 2_000_000_000)
        #expect(small.descriptions == ["2 GB of 8.19 GB of memory (cgroup limit)"])
        let large = limits(
            try MachineFolder(cores: "0", online: "0", memory: 8_000_000, limits: ["memory.max": "9000000000"]))
        #expect(large.memory == 8_192_000_000 && large.descriptions.isEmpty)
    }

    @Test("A limit that cannot be read is named")
    func unreadable() throws {
        let machine = limits(
            try MachineFolder(cores: "0", online: "0", limits: ["memory.max": "much", "cpu.max": "max 100000"]))
        #expect(
            machine.descriptions == ["ignored, for it cannot be read: /sys/fs/cgroup/pod/box/memory.max"])
    }

    @Test("Cores that a virtual machine could be given later are not counted")
    func absentCores() throws {
        let machine = limits(try MachineFolder(cores: "0-127", online: "0-1"))
        #expect(machine.cores == 2 && machine.machineCores == 2 && machine.descriptions.isEmpty)
    }

    @Test("Of the NUMA nodes those count that have cores which the process may run on")
    func nodes() throws {
        let machine = limits(
            try MachineFolder(cores: "0-1,40-43", online: "0-63", nodes: ["0-15", "16-31", "32-47", "48-63", ""]))
        #expect(machine.nodes.map(\.number) == [0, 2])
        #expect(machine.nodes.map(\.cores) == [CoreSet(0..<2), CoreSet(40..<44)])
        let unknown = limits(try MachineFolder(cores: "0-3", online: "0-3"))
        #expect(unknown.nodes.map(\.number) == [0] && unknown.nodes[0].cores == CoreSet(0..<4))
    }

    @Test("This machine has cores and memory, and no limit exceeds them")
    func thisMachine() {
        let machine = MachineLimits(SystemFiles())
        #expect((1...machine.machineCores).contains(machine.cores))
        #expect(machine.cores <= ProcessInfo.processInfo.activeProcessorCount)
        #expect(machine.memory > 0 && machine.memory <= machine.machineMemory && !machine.nodes.isEmpty)
    }
}
