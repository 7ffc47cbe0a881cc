import Base
import Foundation

/// The memory that the bodies of all transfers share.
final class MemoryBudget: Sendable {
    /// How far a body may take what others need.
    enum Claim: Sendable {
        /// Up to the limit.
        case ordinary
        /// Up to limit and reserve: the oldest of those under way, so that they do not wait for each other.
        case reserve
        /// Always: a thread waits for it, or bodies that are held wait for it.
        case always
    }

    private struct State {
        var used = 0
        /// What of it belongs to bodies with which their reader can do something, so that it will come back.
        var ready = 0
        /// The groups that are not complete: how many fetches have not ended, and the bytes of those that have.
        var groups: [Int: (left: Int, held: Int)] = [:]
        var released: @Sendable () -> Void = {}
        /// Threads that wait for room.
        var waiting: [DispatchSemaphore] = []
        var isClosed = false

        mutating func wakeWaiting() {
            for thread in waiting { thread.signal() }
            waiting.removeAll()
        }
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

    /// Whether nothing that is held will come back before further bodies have arrived.
    var isStuck: Bool { state.withLock { $0.ready == 0 } }

    /// Opens a group of so many fetches.
    func open(_ group: FetchGroup, count: Int) { state.withLock { $0.groups[group.number] = (count, 0) } }

    /// Notes that a fetch of a group has ended.
    func endMember(of group: FetchGroup) {
        state.withLock { state in
            guard let (left, held) = state.groups[group.number] else { return }
            if left > 1 {
                state.groups[group.number] = (left - 1, held)
            } else {
                state.groups[group.number] = nil
                state.ready += held
            }
            state.wakeWaiting()
        }
    }

    /// Notes that the bytes of a body that has arrived are held by its reader, or, with a number below zero, no longer.
    private func hold(_ bytes: Int, of group: FetchGroup?) {
        state.withLock { state in
            if let group, let (left, held) = state.groups[group.number] {
                state.groups[group.number] = (left, held + bytes)
            } else {
                state.ready += bytes
            }
            state.wakeWaiting()
        }
    }

    /// Takes a number of bytes, for a thread that has them already: waits until there is room, or until nothing that is held
    /// will come back before further bytes are there.
    fileprivate func takeWaiting(_ bytes: Int) {
        let thread = DispatchSemaphore(value: 0)
        while true {
            let isTaken = state.withLock { state in
                guard state.used + bytes <= limit || state.ready == 0 || state.isClosed else {
                    state.waiting.append(thread)
                    return false
                }
                state.used += bytes
                return true
            }
            if isTaken { return }
            thread.wait()
        }
    }

    /// Ends all waiting for room.
    func close() {
        state.withLock { state in
            state.isClosed = true
            state.wakeWaiting()
        }
    }

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
            state.wakeWaiting()
            return state.released
        }
        released()
    }

    /// Bytes that one body holds. They go back when the last reference to this goes.
    final class Share: Sendable {
        private let budget: MemoryBudget
        private let bytes = Locked(0)
        /// Nil until the body has arrived; then the group that it belongs to, if any.
        private let holder = Locked<FetchGroup??>(nil)

        init(of budget: MemoryBudget) { self.budget = budget }

        deinit {
            let bytes = bytes.withLock { $0 }
            if case .some(let group) = holder.withLock({ $0 }) { budget.hold(-bytes, of: group) }
            budget.giveBack(bytes)
        }

        /// Notes that the body has arrived, with so many bytes.
        func finish(at size: Int, of group: FetchGroup?) {
            shrink(to: size)
            budget.hold(bytes.withLock { $0 }, of: group)
            holder.withLock { $0 = .some(group) }
        }

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

        /// Grows to so many bytes, and waits until there is room.
        func growWaiting(to wanted: Int) {
            budget.takeWaiting(wanted)
            bytes.withLock { $0 += wanted }
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
