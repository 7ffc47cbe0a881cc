import Base
import Foundation

/// A body that is on its way, for which any number of threads may wait.
final class ArrivingBody: Sendable {
    private struct State {
        var result: Result<FetchedBytes, FetchError>?
        var handle: FetchHandle?
        var isAwaited = false
    }

    private let state = Locked(State())
    private let arrival = DispatchGroup()

    init() { arrival.enter() }

    /// Notes with what the fetch can be hurried and canceled.
    func begin(_ handle: FetchHandle) {
        let isAwaited = state.withLock { state in
            if state.result == nil { state.handle = handle }
            return state.isAwaited
        }
        if isAwaited { handle.hurry() }
    }

    /// Notes how the fetch ended; called once.
    func finish(_ result: Result<FetchedBytes, FetchError>) {
        state.withLock { $0 = State(result: result, handle: nil, isAwaited: $0.isAwaited) }
        arrival.leave()
    }

    /// Waits for the body, but not for memory.
    func wait() throws(FetchError) -> FetchedBytes? {
        let (result, handle) = state.withLock { state in
            state.isAwaited = true
            return (state.result, state.handle)
        }
        if result == nil {
            handle?.hurry()
            arrival.wait()
        }
        return try (result ?? state.withLock { $0.result })?.get()
    }

    /// Ends the fetch, unless somebody waits for it.
    func cancelUnlessAwaited() {
        let handle = state.withLock { $0.isAwaited ? nil : $0.handle }
        handle?.cancel()
    }
}
