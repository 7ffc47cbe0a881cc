import Foundation
import TestSupport
import Testing

/// What `paligemma` says of a machine and its limits, and how many ranks it starts there.
@Suite("Commands on a limited machine", .timeLimit(.minutes(15)))
struct MachineTests {
    let bench: CommandBench

    init() throws {
        bench = try CommandBench()
        try bench.writePictures(2)
    }

    private func forecast(_ machine: MachineFolder, _ more: [String] = []) throws -> String {
        let arguments = ["run", "--model", CommandBench.miniature, "--prompt", "x", "pictures", "--output", "o"]
        let outcome = try RunningCommand(
            bench, arguments + ["--dry-run"] + more, environment: machine.environment
        ).wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        return outcome.output
    }

    @Test("A forecast has one rank for each NUMA node, and one rank where the quota is too small for that")
    func ranks() throws {
        let nodes = ["0-7", "8-15"]
        let whole = try forecast(MachineFolder(cores: "0-15", online: "0-15", nodes: nodes))
        #expect(whole.contains("machine      16 cores, 65.5 GB of memory, 2 NUMA nodes\n"), "\(whole)")
        #expect(whole.contains("plan         2 ranks: 1 for vision, 1 for Gemma") && !whole.contains("limited"))
        let small = try forecast(
            MachineFolder(cores: "0-15", online: "0-15", nodes: nodes, limits: ["cpu.max": "300000 100000"]))
        #expect(small.contains("limited to   3 of 16 cores (cgroup quota of 3)"), "\(small)")
        #expect(small.contains("plan         one process for vision and Gemma"), "\(small)")
    }

    @Test("A forecast has what the memory allows, or what was asked for")
    func memory() throws {
        let machine = try MachineFolder(cores: "0", online: "0", limits: ["memory.max": "600000000"])
        let text = try forecast(machine)
        #expect(text.contains("limited to   600 MB of 65.5 GB of memory (cgroup limit)"), "\(text)")
        #expect(text.contains("memory       prefills by rows, 264.4 MB of KV cache a rank"), "\(text)")
        let given = try forecast(machine, ["--kv-budget", "1g", "--prefill", "columns"])
        #expect(given.contains("memory       prefills by columns, 1.1 GB of KV cache a rank"), "\(given)")
        let tiny = try forecast(
            MachineFolder(cores: "0", online: "0", limits: ["memory.max": "4000000"]), ["--ranks", "3"])
        #expect(tiny.contains("memory       prefills by columns"), "\(tiny)")
    }

    @Test("The inspections of a model and of a plan print what limits this machine")
    func inspections() throws {
        let machine = try MachineFolder(cores: "0-3", online: "0-63")
        for arguments in [["model", CommandBench.miniature], ["plan", "--shape", "3b-224"]] {
            let outcome = try RunningCommand(
                bench, ["inspect"] + arguments, environment: machine.environment
            ).wait()
            #expect(outcome.code == 0, "\(outcome.errors)")
            #expect(outcome.output.contains("limited to   4 of 64 cores (affinity mask)"), "\(outcome.output)")
        }
    }

    @Test("A run says what limits its machine, and which ranks keep to NUMA nodes")
    func run() throws {
        let machine = try MachineFolder(
            cores: "0-15", online: "0-31", nodes: ["0-7", "8-15"], limits: ["cpu.max": "800000 100000"])
        let environment = machine.environment.merging(["PATH": "/usr/bin:/bin"]) { $1 }
        let arguments = ["run", "--model", "model", "--prompt", "ocr", "pictures", "--output", "out.jsonl"]
        try bench.installWorker(
            "[ \"${OMPI_COMM_WORLD_RANK:-0}\" = 0 ] || exit 0\n"
                + "exec '\(CommandBench.built("queue-stress"))' \"$QUEUE\" \"${PALIGEMMA_WORLD:-world}\" 600000 0")
        let outcome = try RunningCommand(bench, arguments, environment: environment).wait()
        #expect(outcome.code == 0, "\(outcome.errors)")
        #expect(outcome.errors.contains("2 jobs for 2 ranks\n"), "\(outcome.errors)")
        #expect(outcome.errors.contains("each rank keeps to its part of this machine's 2 NUMA nodes"))
        #expect(outcome.errors.contains("this machine is limited to 8 of 32 cores (cgroup quota of 8)"))
    }
}
