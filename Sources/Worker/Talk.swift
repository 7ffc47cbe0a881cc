import Foundation

/// What a rank says, on stderr: stdout belongs to data.
enum Talk {
    /// A line, prefixed so that it can be told from mpirun's own.
    static func line(_ text: String) {
        FileHandle.standardError.write(Data("pg-worker: \(text)\n".utf8))
    }

    /// What every rank would say alike, before MPI is there: only the first says it.
    static func onceAWorld(_ text: String) {
        let rank = ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_RANK"] ?? "0"
        if rank == "0" { FileHandle.standardError.write(Data((text + "\n").utf8)) }
    }
}
