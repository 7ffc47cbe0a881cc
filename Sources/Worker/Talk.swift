import Foundation

/// What a rank says, on stderr: stdout belongs to data.
enum Talk {
    /// A line, prefixed so that it can be told from mpirun's own.
    static func line(_ text: String) {
        write("pg-worker: \(text)\n")
    }

    /// What every rank would say alike, before MPI is there: only the first says it.
    static func onceAWorld(_ text: String) {
        let rank = ProcessInfo.processInfo.environment["OMPI_COMM_WORLD_RANK"] ?? "0"
        if rank == "0" { write(text + "\n") }
    }

    /// What cannot be said is not said: a closed pipe or a full disk under a log must not end the work.
    private static func write(_ text: String) {
        var rest = Substring(text).utf8
        while !rest.isEmpty {
            let count = rest.withContiguousStorageIfAvailable {
                Foundation.write(STDERR_FILENO, $0.baseAddress, $0.count)
            }
            guard let count, count > 0 else { return }
            rest = rest.dropFirst(count)
        }
    }
}
