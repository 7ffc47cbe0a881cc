import Base
import Foundation

/// What this machine has, and how busy it is.
enum LocalMachine {
    /// The processor's name, as the kernel has it.
    static var processor: String {
        let line = text("/proc/cpuinfo").split(separator: "\n").first { $0.hasPrefix("model name") }
        return line?.split(separator: ":").last?.trimmingCharacters(in: .whitespaces) ?? "unknown processor"
    }

    /// Seconds that all processors have worked since they started, for whomever, and that a hypervisor took.
    static var busySeconds: Double {
        // cpu user nice system idle iowait irq softirq steal …
        let fields = text("/proc/stat").split(separator: "\n").first?.split(separator: " ").dropFirst() ?? []
        let ticks = fields.prefix(8).enumerated().filter { $0.offset != 3 && $0.offset != 4 }.map { $0.element }
        return ticks.reduce(0) { $0 + (Double($1) ?? 0) } / Double(sysconf(Int32(_SC_CLK_TCK)))
    }

    /// Processes that the kernel has killed because memory ran out, in a cgroup or altogether.
    static var processesKilledForMemory: Int {
        let line = text("/proc/vmstat").split(separator: "\n").first { $0.hasPrefix("oom_kill ") }
        return line.flatMap { Int($0.dropFirst("oom_kill ".count)) } ?? 0
    }

    private static func text(_ path: String) -> String {
        FileSystem.data(of: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
    }
}
