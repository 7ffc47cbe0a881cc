/// Transfers that wait for their turn. Those of one origin come in the order in which they arrived, the origins in
/// turn; an origin has at most so many transfers under way.
package struct WaitingRoom<Item> {
    private struct Origin {
        /// Those that have gone are nil, so that nothing holds them.
        var waiting: [Item?] = []
        /// The index of the first that still waits.
        var first = 0
        var active = 0
        var limit = 1
        var isListed = false

        var hasWaiting: Bool { first < waiting.count }
    }

    private var origins: [String: Origin] = [:]
    /// The origins that have something waiting and room for it, the next first.
    private var ready: [String] = []
    private var nextReady = 0

    package init() {}

    /// Adds an item.
    ///
    /// - Parameters:
    ///   - limit: how many of its origin may be under way at once.
    ///   - isFirst: whether it goes before those that wait.
    package mutating func add(_ item: Item, origin: String, limit: Int, isFirst: Bool = false) {
        var entry = origins[origin] ?? Origin()
        entry.limit = limit
        if isFirst, entry.first > 0 {
            entry.first -= 1
            entry.waiting[entry.first] = item
        } else if isFirst {
            entry.waiting.insert(item, at: 0)
        } else {
            entry.waiting.append(item)
        }
        origins[origin] = entry
        list(origin)
    }

    /// Whether something may start.
    package var hasNext: Bool { nextReady < ready.count }

    /// Takes the next item; its origin has one more under way until ``leave(origin:)``.
    ///
    /// - Returns: nil where nothing may start.
    package mutating func takeNext() -> Item? {
        guard nextReady < ready.count else { return nil }
        let name = ready[nextReady]
        nextReady += 1
        if nextReady > 64, nextReady * 2 > ready.count {
            ready.removeFirst(nextReady)
            nextReady = 0
        }
        guard var origin = origins[name] else { return nil }
        let item = origin.waiting[origin.first]
        origin.waiting[origin.first] = nil
        origin.first += 1
        origin.active += 1
        origin.isListed = false
        if origin.first > 64, origin.first * 2 > origin.waiting.count {
            origin.waiting.removeFirst(origin.first)
            origin.first = 0
        }
        origins[name] = origin
        list(name)
        return item
    }

    /// Notes that a transfer of this origin is no longer under way.
    package mutating func leave(origin name: String) {
        guard var origin = origins[name] else { return }
        origin.active -= 1
        origins[name] = origin
        if origin.active == 0, !origin.hasWaiting { origins[name] = nil } else { list(name) }
    }

    /// Removes the items that wait and fulfill a condition.
    package mutating func remove(where isRemoved: (Item) -> Bool) -> [Item] {
        var removed: [Item] = []
        for (name, var origin) in origins where origin.hasWaiting {
            var kept: [Item] = []
            for item in origin.waiting[origin.first...].compactMap({ $0 }) {
                if isRemoved(item) { removed.append(item) } else { kept.append(item) }
            }
            (origin.waiting, origin.first) = (kept, 0)
            if kept.isEmpty, origin.isListed {
                origin.isListed = false
                ready.removeSubrange(..<nextReady)
                nextReady = 0
                ready.removeAll { $0 == name }
            }
            origins[name] = origin.active == 0 && kept.isEmpty ? nil : origin
        }
        return removed
    }

    private mutating func list(_ name: String) {
        guard var origin = origins[name], !origin.isListed, origin.hasWaiting, origin.active < origin.limit else {
            return
        }
        origin.isListed = true
        origins[name] = origin
        ready.append(name)
    }
}
