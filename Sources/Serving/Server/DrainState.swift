import Synchronization

/// Whether a service is being stopped.
final class DrainState: Sendable {
    private let draining = Atomic(false)

    var isDraining: Bool { draining.load(ordering: .relaxed) }

    func begin() { draining.store(true, ordering: .relaxed) }

    /// - Throws: ``APIError`` where no request is taken any more.
    func check() throws(APIError) { if isDraining { throw .draining } }
}
