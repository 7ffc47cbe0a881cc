import Foundation
import Synchronization

/// A connection that is made anew when it is lost: a server that is started again, or a link that comes back, costs
/// time and nothing else. Calls are done one after the other, whatever threads they come from.
final class PostgresSession: @unchecked Sendable {
    // @unchecked: `connection` is used by who holds the lock; nothing that a closure is given outlives it.
    let address: PostgresAddress
    private let timeout: Duration
    private var connection: PostgresConnection?
    private let lock = NSLock()
    private let tries = Atomic<UInt64>(0)
    /// Tries to get a lost connection back, so far.
    var retries: UInt64 { tries.load(ordering: .relaxed) }

    /// Undone transactions that are tried again; the next one is an error.
    private static let maximumConflicts = 50
    private static let firstPause = 0.05
    private static let longestPause = 2.0

    /// - Parameter timeout: how long a call goes on trying to get a connection back.
    init(_ address: PostgresAddress, timeout: Duration) {
        self.address = address
        self.timeout = timeout
    }

    /// Does `body`, again where the connection was lost or two transactions were in each other's way.
    ///
    /// - Parameters:
    ///   - timeout: in place of the session's.
    ///   - body: gets the connection, and whether an earlier try may have happened without our having been told.
    /// - Throws: `unreachable` when timeout is at an end; else what `body` throws for good.
    func run<Result>(
        doing: String, timeout: Duration? = nil,
        _ body: (PostgresConnection, _ mayHaveHappened: Bool) throws(PostgresError) -> Result
    ) throws(QueueError) -> Result {
        lock.lock()
        defer { lock.unlock() }
        var (conflicts, pause, mayHaveHappened) = (0, Self.firstPause, false)
        // The monotonic clock: who sets the wall clock makes nobody impatient.
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
                    // Hundreds of worlds lose a server together; they shall not come back together.
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
