import Foundation
import TestSupport
import Testing

/// A control group of this machine with limits, made for a test.
private final class ControlGroup {
    /// The folders of the group, one for each hierarchy that has limits.
    private let folders: [String]

    /// Version 1 has a hierarchy for each controller, version 2 one for all.
    private static let roots = ["/sys/fs/cgroup/cpu", "/sys/fs/cgroup/memory"]
    private static let root = "/sys/fs/cgroup"

    private static var isVersion2: Bool {
        let controllers = (TextFile.read(root + "/cgroup.subtree_control") ?? "").split(whereSeparator: \.isWhitespace)
        return controllers.contains("cpu") && controllers.contains("memory")
    }

    /// Whether a group can be made here: by root, with its controllers switched on.
    static let isPossible: Bool = (try? ControlGroup(quota: "100000", memory: "1000000000")) != nil

    /// - Parameters:
    ///   - quota: microseconds of 100,000.
    ///   - memory: bytes.
    /// - Throws: where the group cannot be made.
    init(quota: String, memory: String) throws {
        let name = "paligemma-test-" + UUID().uuidString
        let parents = Self.isVersion2 ? [Self.root] : Self.roots
        folders = parents.map { $0 + "/" + name }
        for folder in folders {
            guard mkdir(folder, 0o755) == 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        }
        if Self.isVersion2 {
            try write("\(quota) 100000", to: folders[0] + "/cpu.max")
            try write(memory, to: folders[0] + "/memory.max")
        } else {
            try write("100000", to: folders[0] + "/cpu.cfs_period_us")
            try write(quota, to: folders[0] + "/cpu.cfs_quota_us")
            try write(memory, to: folders[1] + "/memory.limit_in_bytes")
        }
    }

    deinit {
        for folder in folders {
            // The kernel needs a moment after the last process has ended.
            for _ in 0..<100 where rmdir(folder) != 0 && errno == EBUSY { usleep(20_000) }
        }
    }

    private func write(_ text: String, to path: String) throws {
        let descriptor = open(path, O_WRONLY | O_CLOEXEC)
        guard descriptor >= 0 else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
        defer { close(descriptor) }
        let count = Array(text.utf8).withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
        guard count == text.utf8.count else { throw POSIXError(.init(rawValue: errno) ?? .EIO) }
    }

    /// Runs a command in the group.
    ///
    /// - Throws: where it cannot be started.
    func run(_ command: [String]) throws -> Programs.Outcome {
        let joining = folders.map { "echo $$ > \($0)/cgroup.procs && " }.joined()
        return try Programs.run("/bin/sh", ["-c", joining + "exec \"$@\"", "sh"] + command)
    }
}

@Suite("Worlds in a real control group", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct ControlGroupTests {
    @Test(
        "The limits of a control group of this machine are found by workers, inspect and run",
        .enabled(if: ControlGroup.isPossible, "no control group with limits can be made here (root, cpu and memory)"))
    func limits() throws {
        let group = try ControlGroup(quota: "100000", memory: "2000000000")
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let world = ["--model", reference.model, "--queue", queue.path, "--drain"]
        let work = try group.run(["mpirun", "--bind-to", "none", "-n", "2", Programs.worker] + world)
        #expect(work.status == 0, "\(work.errors)")
        reference.expect(try queue.results())
        let inspection = try group.run([Programs.paligemma, "inspect", "model", reference.model])
        #expect(inspection.status == 0, "\(inspection.errors)")
        for text in [work.errors, inspection.output] {
            #expect(text.contains("2 GB of ") && text.contains(" of memory (cgroup limit)"), "\(text)")
            #expect(text.contains("1 of ") && text.contains("(cgroup quota of 1)"), "\(text)")
        }
        #expect(work.errors.contains("1 thread a rank, one rank at a time"), "\(work.errors)")
    }
}
