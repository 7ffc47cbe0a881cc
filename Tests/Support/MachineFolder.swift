import Foundation

/// A folder that stands for "/" where a program or a test reads what a machine has (PALIGEMMA_MACHINE_ROOT): the files
/// that are written into it, and no others.
package final class MachineFolder: Sendable {
    private let folder: TemporaryFolder
    package var root: String { folder.path }
    /// The variable that lets a program read this folder.
    package var environment: [String: String] { ["PALIGEMMA_MACHINE_ROOT": root] }

    /// - Parameter files: texts by their absolute paths on the machine.
    /// - Throws: where they cannot be written.
    package init(_ files: [String: String]) throws {
        folder = try TemporaryFolder()
        for (path, text) in files { try write(text, to: path) }
    }

    /// A machine with version 2 of the control groups.
    ///
    /// - Parameters:
    ///   - cores: a list of those that the process may run on.
    ///   - online: a list of all of them.
    ///   - nodes: a list of the cores of each NUMA node.
    ///   - memory: in kB.
    ///   - limits: texts by the names of files of the process's own group.
    /// - Throws: where the files cannot be written.
    package convenience init(
        cores: String, online: String, nodes: [String] = [], memory: Int = 64_000_000, limits: [String: String] = [:]
    ) throws {
        var files = [
            "/proc/self/status": "Name:\tx\nCpus_allowed_list:\t\(cores)\n",
            "/proc/meminfo": "MemTotal:       \(memory) kB\nMemFree: 1 kB\n",
            "/sys/devices/system/cpu/online": online + "\n",
            "/proc/self/cgroup": "0::/pod/box\n",
            "/proc/self/mountinfo": "30 23 0:26 / /sys/fs/cgroup rw,nosuid - cgroup2 cgroup2 rw,nsdelegate\n",
        ]
        for (number, node) in nodes.enumerated() {
            files["/sys/devices/system/node/node\(number)/cpulist"] = node + "\n"
        }
        for (name, text) in limits { files["/sys/fs/cgroup/pod/box/" + name] = text }
        try self.init(files)
    }

    /// Writes a file.
    ///
    /// - Throws: where it cannot be written.
    package func write(_ text: String, to path: String) throws {
        let file = URL(fileURLWithPath: root + path)
        try FileManager.default.createDirectory(
            at: file.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: file)
    }
}
