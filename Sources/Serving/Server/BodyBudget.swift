import Base
import Hummingbird

/// Bounds the bytes of all bodies that are read and understood at the same time, so that hundreds of clients with large pictures
/// cost no more memory than a few.
final class BodyBudget: Sendable {
    private let maximum: Int
    private let used = Locked(0)

    /// - Parameter maximum: In bytes; one body is admitted whatever it has.
    init(maximum: Int) { self.maximum = maximum }

    /// Reads the body of a request and calls `body` with it; the bytes count until that returns.
    ///
    /// - Throws: ``APIError`` where there is no room now or the body is too large, and what `body` throws.
    func withBody<Result>(
        of request: Request, limit: Int, _ body: (_ request: Request, _ bytes: [UInt8]) async throws -> Result
    ) async throws -> Result {
        // Who does not say how much comes may send as much as is allowed.
        let expected = min(request.headers[.contentLength].flatMap { Int($0) } ?? limit, limit)
        try admit(expected)
        defer { used.withLock { $0 -= expected } }
        var request = request
        let collected = try await request.collectBody(upTo: limit)
        return try await body(request, Array(collected.readableBytesView))
    }

    private func admit(_ bytes: Int) throws(APIError) {
        let isAdmitted = used.withLock { used in
            guard used == 0 || used + bytes <= maximum else { return false }
            used += bytes
            return true
        }
        guard isAdmitted else {
            throw APIError(
                429, .rateLimit, code: "queue_full", "too many pictures arrive at the same time; try again in a second",
                retryAfter: 1)
        }
    }
}
