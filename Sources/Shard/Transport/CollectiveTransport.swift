/// Collectives of the tensor-parallel group that are running. Used on the main thread.
final class CollectiveTransport {
    private let mpi: MPI
    private let notifier: HostNotifier
    private var running: [(request: MPI.Request, completion: Completion)] = []

    init(_ mpi: MPI, notifier: HostNotifier) {
        self.mpi = mpi
        self.notifier = notifier
    }

    var isRunning: Bool { !running.isEmpty }

    /// Begins a collective.
    ///
    /// - Parameters:
    ///   - body: Calls MPI.
    ///   - completion: Completed when the collective is.
    /// - Throws: `mpi`.
    func begin(
        _ body: (MPI) throws(ShardError) -> MPI.Request, _ completion: Completion
    ) throws(ShardError) {
        running.append((try body(mpi), completion))
        notifier.noteCollective()
    }

    /// Completes the collectives that are over.
    ///
    /// - Returns: Whether any were.
    /// - Throws: `mpi`.
    func advance() throws(ShardError) -> Bool {
        var waiting: [(request: MPI.Request, completion: Completion)] = []
        for entry in running {
            if try entry.request.test() {
                entry.completion.complete(.success(()))
                notifier.noteCollective()
            } else {
                waiting.append(entry)
            }
        }
        defer { running = waiting }
        return waiting.count < running.count
    }
}
