import CMachine
import Foundation

/// Whether processes that a launcher starts beside each other may read each other's memory, as Open MPI's ranks of one
/// host do (single copies). A process may always read its own children; siblings may be kept from it by Yama's
/// ptrace_scope, by the system call filter of a container, by user namespaces of their own, and by a program's file
/// that may be executed and not read.
package enum SiblingMemory {
    /// Tries it with two children that are made for this, which takes about a millisecond. The calling process should
    /// be small and have few threads.
    ///
    /// Copies of this process stand for processes of its kind. What gives each of those a user namespace of its own gives
    /// these two the same: therefore nothing may be read either where the namespace is not that of the launcher and of
    /// all processes between.
    package static var isReadable: Bool { sharesNamespaceWithLauncher && pg_siblings_may_read() == 1 }

    /// Programs that start the ranks of a host.
    private static let launchers: Set<String> = [
        "orted", "prted", "mpirun", "mpiexec", "prterun", "orterun", "slurmstepd",
    ]

    private static var sharesNamespaceWithLauncher: Bool {
        let files = SystemFiles()
        let own = FileIdentity(path: "/proc/self/ns/user")
        var process = getppid()
        var isFirst = true
        while process > 1 {
            let status = "/proc/\(process)/status"
            let isLauncher = files.value(of: "Name", in: status).map { launchers.contains($0) } ?? false
            if isLauncher || isFirst {
                // The kernel shows a process's namespaces only to whom may read its memory: a launcher that runs as somebody
                // else hides them whatever they are.
                let other = FileIdentity(path: "/proc/\(process)/ns/user")
                let isOurs = owner(of: process) == geteuid()
                guard other == own || other == nil && !isOurs else { return false }
            }
            if isLauncher { return true }
            isFirst = false
            process = files.value(of: "PPid", in: status).flatMap { pid_t($0) } ?? 0
        }
        return true
    }

    private static func owner(of process: pid_t) -> uid_t? {
        var status = stat()
        return stat("/proc/\(process)", &status) == 0 ? status.st_uid : nil
    }
}
