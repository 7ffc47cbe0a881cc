import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Room in /dev/shm, and what dead worlds left there.
package enum SharedMemoryCheck {
    package struct Facts: Sendable {
        /// Bytes; nil where there is no /dev/shm.
        package var free: Int?
        /// Segments of Open MPI that no process has mapped.
        package var leftSegments: [String]
        /// What OMPI_MCA_btl_vader_backing_directory names.
        package var backingFolder: String?

        package init(free: Int?, leftSegments: [String] = [], backingFolder: String? = nil) {
            self.free = free
            self.leftSegments = leftSegments
            self.backingFolder = backingFolder
        }
    }

    static let minimumFree = 256 << 20

    package static func judge(_ facts: Facts) -> Finding {
        var findings: [Finding] = []
        if let free = facts.free, free >= minimumFree {
            findings.append(Finding(.ok, "\(ByteCount.text(free)) free"))
        } else {
            let found = facts.free.map { "\(ByteCount.text($0)) free in /dev/shm" } ?? "there is no /dev/shm"
            if let folder = facts.backingFolder {
                findings.append(Finding(.note, "\(found); messages go through files in \(folder)"))
            } else {
                findings.append(
                    Finding(
                        .warn, "\(found), less than \(ByteCount.text(minimumFree))",
                        "give the container more (docker run --shm-size=1g; an emptyDir with medium: Memory), or set "
                            + "OMPI_MCA_btl_vader_backing_directory, as run, supervise and cluster/env.sh do"))
            }
        }
        if let first = facts.leftSegments.first {
            let names = facts.leftSegments.count == 1 ? first : "\(first) and \(facts.leftSegments.count - 1) more"
            findings.append(
                Finding(
                    .warn, "dead worlds left segments: \(names)",
                    "remove them while no world runs here: rm /dev/shm/vader_segment.*"))
        }
        return .all(findings)
    }

    /// - Parameter environment: of a world.
    static func facts(_ environment: [String: String]) -> Facts {
        Facts(
            free: FileSystemRoom(of: "/dev/shm")?.freeBytes, leftSegments: leftSegments(),
            backingFolder: environment["OMPI_MCA_btl_vader_backing_directory"])
    }

    /// Returns this user's segments that no process has mapped. Of another user's nobody can tell who has them.
    private static func leftSegments() -> [String] {
        let segments = ((try? FileSystem.names(in: "/dev/shm")) ?? []).filter { name in
            name.hasPrefix("vader_segment.") && FileSystem.status(of: "/dev/shm/" + name)?.st_uid == geteuid()
        }
        guard !segments.isEmpty else { return [] }
        var used: Set<String> = []
        let processes = ((try? FileSystem.names(in: "/proc")) ?? []).filter { pid_t($0) != nil }
        for process in processes {
            guard let bytes = FileSystem.contents(of: "/proc/\(process)/maps") else { continue }
            let maps = String(decoding: bytes, as: UTF8.self)
            guard maps.contains("/vader_segment.") else { continue }
            for segment in segments where maps.contains("/" + segment) { used.insert(segment) }
        }
        return segments.filter { !used.contains($0) }.sorted()
    }
}

/// Whether ranks of this host may read each other's memory, and what forbids it.
package enum RankMemoryCheck {
    package struct Facts: Sendable {
        /// What came of trying it with two processes.
        package var isReadable: Bool
        /// Yama's; nil where the kernel has none.
        package var ptraceScope: Int?
        /// The Seccomp mode of this process: 2 with a filter of system calls.
        package var seccomp: Int?
        /// Whether this process is in a user namespace that maps not all users.
        package var isInUserNamespace: Bool

        package init(isReadable: Bool, ptraceScope: Int? = nil, seccomp: Int? = nil, isInUserNamespace: Bool = false) {
            self.isReadable = isReadable
            self.ptraceScope = ptraceScope
            self.seccomp = seccomp
            self.isInUserNamespace = isInUserNamespace
        }

        /// - Parameter files: the kernel's, as the process sees them.
        package init(isReadable: Bool, _ files: SystemFiles) {
            self.isReadable = isReadable
            ptraceScope = files.text("/proc/sys/kernel/yama/ptrace_scope").flatMap {
                Int($0.trimmingCharacters(in: .whitespacesAndNewlines))
            }
            seccomp = files.value(of: "Seccomp", in: "/proc/self/status").flatMap { Int($0) }
            let map = files.text("/proc/self/uid_map").map { $0.split(whereSeparator: \.isWhitespace) } ?? []
            isInUserNamespace = !map.isEmpty && map != ["0", "0", "4294967295"]
        }
    }

    package static func judge(_ facts: Facts) -> Finding {
        guard !facts.isReadable else { return Finding(.ok, "ranks may read each other's memory") }
        var (causes, advice): ([String], [String]) = ([], [])
        if let scope = facts.ptraceScope, scope >= 2 {
            causes.append("ptrace_scope is \(scope)")
            advice.append("sysctl kernel.yama.ptrace_scope=1 (or 0)")
        }
        if facts.seccomp == 2 {
            causes.append("a filter of system calls is active (Seccomp)")
            advice.append("docker run --cap-add SYS_PTRACE, or a profile that permits process_vm_readv")
        }
        if facts.isInUserNamespace {
            causes.append("this process is in a user namespace")
            advice.append("let all ranks of a host share one user namespace: one container around mpirun")
        }
        let cause = causes.isEmpty ? "the cause is not known" : causes.joined(separator: ", ")
        advice.append(
            "or leave it: pg-worker notices, and sets OMPI_MCA_btl_vader_single_copy_mechanism=none, which is slower")
        return Finding(.warn, "ranks may not read each other's memory: \(cause)", advice: advice)
    }
}

/// The room on a file system.
struct FileSystemRoom {
    let freeBytes: Int
    /// Nil on file systems that do not count them.
    let freeInodes: Int?

    /// Nil where there is no such path.
    init?(of path: String) {
        var status = statvfs()
        guard withSystemPath(path, { statvfs($0, &status) }) == 0 else { return nil }
        let bytes = UInt64(status.f_bavail).multipliedReportingOverflow(by: UInt64(status.f_frsize))
        freeBytes = bytes.overflow ? .max : Int(clamping: bytes.partialValue)
        freeInodes = status.f_files == 0 ? nil : Int(clamping: status.f_favail)
    }
}
