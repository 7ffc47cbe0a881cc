import Base

/// Lets one task at a time do something; the others wait in the order of their coming.
package final class Turns: Sendable {
    private struct State {
        var isTaken = false
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Locked(State())
    private let maximumWaiting: Int

    package init(maximumWaiting: Int) { self.maximumWaiting = maximumWaiting }

    /// - Returns: What `body` returned; nil where too many wait already.
    /// - Throws: What `body` throws.
    package func run<Value>(_ body: () async throws -> Value) async throws -> Value? {
        guard await take() else { return nil }
        defer { give() }
        return try await body()
    }

    private func take() async -> Bool {
        enum Place { case first, waiting, none }
        let maximum = maximumWaiting
        var place = state.withLock { state -> Place in
            guard state.isTaken else {
                state.isTaken = true
                return .first
            }
            return state.waiting.count < maximum ? .waiting : .none
        }
        guard place == .waiting else { return place == .first }
        await withCheckedContinuation { continuation in
            place = state.withLock { state -> Place in
                // It may have become free meanwhile.
                if !state.isTaken {
                    state.isTaken = true
                    return .first
                }
                state.waiting.append(continuation)
                return .waiting
            }
            if place == .first { continuation.resume() }
        }
        return true
    }

    private func give() {
        let next = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.waiting.isEmpty else {
                state.isTaken = false
                return nil
            }
            return state.waiting.removeFirst()
        }
        next?.resume()
    }
}
