import Foundation
import Synchronization

/// A connection that is opened again when it is lost, so that a restart of the server or an outage of the network costs
/// time and nothing else. Calls are serialized, whatever threads they come from.
final class PostgresSession: @unchecked Sendable {
    // @unchecked: `connection` is only used by the thread that holds the lock; no closure keeps it.
    let address: PostgresAddress
    private let timeout: Duration
    private var connection: PostgresConnection?
    private let lock = NSLock()
    private let tries = Atomic<UInt64>(0)
    /// The number of attempts to reopen the connection so far.
    var retries: UInt64 { tries.load(ordering: .relaxed) }

    /// The maximum number of conflicts after which a transaction is repeated.
    private static let maximumConflicts = 50
    private static let firstPause = 0.05
    private static let longestPause = 2.0

    /// - Parameter timeout: How long a call tries to reopen the connection.
    init(_ address: PostgresAddress, timeout: Duration) {
        self.address = address
        self.timeout = timeout
    }

    /// Runs `body`, and repeats it where the connection was lost or transactions conflicted.
    ///
    /// - Parameters:
    ///   - timeout: Replaces the session's timeout.
    ///   - body: Gets the connection, and whether an earlier attempt may have been committed although its reply was
    ///     lost.
    /// - Throws: `unreachable` after the timeout, `busy` after too many conflicts, and the final errors of `body`.
    func run<Result>(
        doing: String, timeout: Duration? = nil,
        _ body: (PostgresConnection, _ mayHaveHappened: Bool) throws(PostgresError) -> Result
    ) throws(QueueError) -> Result {
        lock.lock()
        defer { lock.unlock() }
        var (conflicts, pause, mayHaveHappened) = (0, Self.firstPause, false)
        // By the monotonic clock, which setting the wall clock does not change.
        let end = ContinuousClock.now + (timeout ?? self.timeout)
        while true {
            do throws(PostgresError) {
                return try body(try connected(), mayHaveHappened)
            } catch {
                switch error {
                case .final(let error): throw error
                case .conflict:
                    conflicts += 1
                    guard conflicts < Self.maximumConflicts else { throw .busy(queue: address.masked, doing: doing) }
                    Thread.sleep(forTimeInterval: Double.random(in: 0.001...0.02))
                case .lost(let reason):
                    if connection != nil { mayHaveHappened = true }
                    connection = nil
                    tries.wrappingAdd(1, ordering: .relaxed)
                    guard ContinuousClock.now < end else { throw .unreachable(queue: address.masked, reason: reason) }
                    // Hundreds of worlds lose a server at the same time and must not come back at the same time.
                    Thread.sleep(forTimeInterval: pause * Double.random(in: 0.5...1.5))
                    pause = min(2 * pause, Self.longestPause)
                }
            }
        }
    }

    private func connected() throws(PostgresError) -> PostgresConnection {
        if let connection { return connection }
        let made = try PostgresConnection(address)
        connection = made
        return made
    }
}
