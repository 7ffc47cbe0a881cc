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
    /// Copies of this process stand for processes of its kind. A launcher that gives each of them a user namespace of
    /// its own gives these two the same: therefore nothing may be read either where the namespace is not the parent's.
    package static var isReadable: Bool {
        let own = FileIdentity(path: "/proc/self/ns/user")
        // The kernel shows a process's namespaces only to whom may read its memory.
        guard own == FileIdentity(path: "/proc/\(getppid())/ns/user") else { return false }
        return pg_siblings_may_read() == 1
    }
}
