import Base

/// The memory that the bodies of all transfers share.
final class MemoryBudget: Sendable {
    /// How far a body may take what others need.
    enum Claim: Sendable {
        /// Up to the limit.
        case ordinary
        /// Up to limit and reserve: the oldest of those under way, so that they do not wait for each other.
        case reserve
        /// Always: a thread waits for it, perhaps one that holds other bodies meanwhile.
        case always
    }

    private struct State {
        var used = 0
        var released: @Sendable () -> Void = {}
    }

    private let limit: Int
    private let reserve: Int
    private let state = Locked(State())

    /// - Parameters:
    ///   - limit: in bytes.
    ///   - reserve: what ``Claim/reserve`` may take beyond it, in bytes: at least one body.
    init(limit: Int, reserve: Int) {
        self.limit = limit
        self.reserve = reserve
    }

    /// Bytes that are held now.
    var used: Int { state.withLock { $0.used } }

    /// Sets what is called after bytes were given back, on the thread that did so.
    func onRelease(_ body: @escaping @Sendable () -> Void) { state.withLock { $0.released = body } }

    /// Takes a number of bytes.
    ///
    /// - Returns: whether they were taken.
    func take(_ bytes: Int, _ claim: Claim) -> Bool {
        state.withLock { state in
            let (sum, overflow) = state.used.addingReportingOverflow(bytes)
            guard !overflow, claim == .always || sum - (claim == .reserve ? reserve : 0) <= limit else { return false }
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
        func grow(to wanted: Int, _ claim: Claim) -> Bool {
            bytes.withLock { bytes in
                if wanted <= bytes { return true }
                guard budget.take(wanted - bytes, claim) else { return false }
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
