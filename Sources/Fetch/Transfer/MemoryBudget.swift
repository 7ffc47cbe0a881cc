import Base

/// The memory that the bodies of all transfers share.
final class MemoryBudget: Sendable {
    private struct State {
        var used = 0
        var released: @Sendable () -> Void = {}
    }

    let limit: Int
    private let state = Locked(State())

    /// - Parameter limit: in bytes.
    init(limit: Int) { self.limit = limit }

    /// Bytes that are held now.
    var used: Int { state.withLock { $0.used } }

    /// Sets what is called after bytes were given back, on the thread that did so.
    func onRelease(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.released = body } }

    /// Takes a number of bytes.
    ///
    /// - Parameter mayExceed: whether they are taken even if there is no room for them.
    /// - Returns: whether they were taken.
    func take(_ bytes: Int, mayExceed: Bool) -> Bool {
        state.withLock { state in
            let (sum, overflow) = state.used.addingReportingOverflow(bytes)
            guard !overflow, mayExceed || sum <= limit else { return false }
            state.used = sum
            return true
        }
    }

    fileprivate func giveBack(_ bytes: Int) {
        guard bytes > 0 else { return }
        let released = state.withLock { state in
            state.used -= bytes
            return state.released
        }
        released()
    }

    /// Bytes that one body holds. They go back when the last reference to this goes.
    final class Share: Sendable {
        private let budget: MemoryBudget
        private let bytes = Locked(0)

        init(of budget: MemoryBudget) { self.budget = budget }

        deinit { budget.giveBack(bytes.withLock { $0 }) }

        /// Grows to at least so many bytes.
        ///
        /// - Returns: whether there was room.
        func grow(to wanted: Int, mayExceed: Bool) -> Bool {
            bytes.withLock { bytes in
                if wanted <= bytes { return true }
                guard budget.take(wanted - bytes, mayExceed: mayExceed) else { return false }
                bytes = wanted
                return true
            }
        }

        /// Gives back what is above so many bytes.
        func shrink(to wanted: Int) {
            let surplus = bytes.withLock { bytes in
                defer { bytes = min(bytes, wanted) }
                return max(0, bytes - wanted)
            }
            budget.giveBack(surplus)
        }
    }
}
