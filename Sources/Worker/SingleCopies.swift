import Base
import Foundation
import WorkerInterface

/// Open MPI's single copies: a rank reads a message out of the memory of another rank of its host, three times as fast
/// as through shared memory. Open MPI assumes that it may, and where it may not every message fails, with a report.
enum SingleCopies {
    private static let variable = "OMPI_MCA_btl_vader_single_copy_mechanism"

    /// Switches them off where ranks of this host may not read each other. To be called before MPI is initialized, and
    /// before there are other threads. What was set by hand stays.
    static func settle(_ launch: Launch, quiet: Bool) {
        guard launch.localRanks > 1, ProcessEnvironment.variables[variable] == nil, !SiblingMemory.isReadable
        else { return }
        setenv(variable, "none", 1)
        if launch.localRank == 0, !quiet {
            Console.log(
                """
                ranks of \(launch.host) may not read each other's memory (ptrace_scope, the container's profile or its user \
                namespaces): messages between them are copied through shared memory, which is slower
                """)
        }
    }
}
