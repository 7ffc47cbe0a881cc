import Base
import Foundation
import WorkerInterface

extension Console {
    /// Writes a log line of this rank, which its prefix tells from mpirun's own.
    static func log(_ text: String) { writeLine("pg-worker: \(text)") }

    /// Writes a message that all ranks have in common, before MPI is there: only the first rank does.
    static func logOncePerWorld(_ text: String) {
        let rank = ProcessEnvironment.variables["OMPI_COMM_WORLD_RANK"] ?? "0"
        if rank == "0" { writeLine(text) }
    }
}
