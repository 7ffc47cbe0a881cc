/// What a rank gets of the cores of its host, which it shares with the host's other ranks.
package struct CoreShare: Sendable, Equatable {
    /// Compute threads of the rank.
    package let threads: Int
    /// Whether the ranks of the host compute one after the other, because there are fewer cores than all of their
    /// threads need.
    package let takesTurns: Bool
    /// Whether every compute thread of the host has a core of its own.
    package let hasCorePerThread: Bool

    /// Divides the cores that a rank may run on among the ranks that may run there too, and the quota among all. Where
    /// a rank of the host would get less than two cores, every rank gets all that it may use, and they take turns.
    ///
    /// - Parameters:
    ///   - rank: among the ranks of the host, from 0.
    ///   - masks: the cores that each rank of the host may run on.
    ///   - quota: the cores that the container gives all of them together; nil for no limit.
    ///   - threads: where they are not to be chosen here.
    package init(rank: Int, masks: [CoreSet], quota: Int?, threads wanted: Int? = nil) {
        let quota = quota ?? .max
        let capacity = max(1, min(masks[rank].count, quota))
        let sharers = Self.sharers(of: rank, masks)
        if let wanted {
            threads = wanted
            let isShared = sharers > 1 || quota < masks.reduce(CoreSet()) { $0.union($1) }.count
            takesTurns = masks.count > 1 && isShared && wanted >= capacity
        } else {
            takesTurns = masks.count > 1 && masks.indices.contains { Self.isShort($0, masks, quota) }
            threads = takesTurns ? capacity : max(1, Self.share(of: rank, masks, quota))
        }
        let (onMask, onHost) = (
            threads.multipliedReportingOverflow(by: sharers), threads.multipliedReportingOverflow(by: masks.count)
        )
        hasCorePerThread =
            !onMask.overflow && onMask.partialValue <= masks[rank].count && !onHost.overflow
            && onHost.partialValue <= quota
    }

    /// Returns how many ranks may run on cores of this one, itself among them.
    private static func sharers(of rank: Int, _ masks: [CoreSet]) -> Int {
        max(1, masks.count { !$0.intersection(masks[rank]).isEmpty })
    }

    private static func share(of rank: Int, _ masks: [CoreSet], _ quota: Int) -> Int {
        min(masks[rank].count / sharers(of: rank, masks), quota / masks.count)
    }

    /// Whether a rank would get one core or none although there are two that it may use.
    private static func isShort(_ rank: Int, _ masks: [CoreSet], _ quota: Int) -> Bool {
        share(of: rank, masks, quota) < min(2, max(1, min(masks[rank].count, quota)))
    }
}
