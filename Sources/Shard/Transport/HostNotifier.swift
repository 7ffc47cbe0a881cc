/// Notifies other ranks of the host, once a round, that there is something for them.
final class HostNotifier {
    private let eventCounts: HostEventCounts
    /// The group's ranks, by their numbers on the host; nil where these are not known.
    var groupRanks: Range<Int>?
    private var hasFrameNews = false
    private var hasCollectiveNews = false

    init(_ eventCounts: HostEventCounts) { self.eventCounts = eventCounts }

    /// A frame was sent or received, which may concern any rank of the host.
    func noteFrame() { hasFrameNews = true }

    /// A collective began or is complete, which concerns the ranks of the group.
    func noteCollective() { hasCollectiveNews = true }

    /// Notifies the ranks that are concerned by what was noted since the last call.
    func notify() {
        if hasFrameNews {
            eventCounts.notifyOthers()
        } else if hasCollectiveNews {
            eventCounts.notifyOthers(in: groupRanks)
        }
        (hasFrameNews, hasCollectiveNews) = (false, false)
    }
}
