import Synchronization

/// How far a pull is. Read by any thread.
package final class PullProgress: Sendable {
    private let totalBytes = Atomic<Int64>(0)
    private let haveBytes = Atomic<Int64>(0)
    private let fetchedBytes = Atomic<Int64>(0)
    private let waitingFiles = Atomic<Int>(0)

    package init() {}

    /// Bytes of the files that are needed.
    package var total: Int64 { totalBytes.load(ordering: .relaxed) }
    /// Bytes of them that are there, those of earlier pulls included.
    package var have: Int64 { haveBytes.load(ordering: .relaxed) }
    /// Bytes that this pull brought; some of them twice where it had to begin anew.
    package var fetched: Int64 { fetchedBytes.load(ordering: .relaxed) }
    /// Whether a file is waited for that another process fetches.
    package var isWaiting: Bool { waitingFiles.load(ordering: .relaxed) > 0 }

    func expect(_ bytes: Int64) { totalBytes.wrappingAdd(bytes, ordering: .relaxed) }
    func found(_ bytes: Int64) { haveBytes.wrappingAdd(bytes, ordering: .relaxed) }
    func arrived(_ bytes: Int) {
        haveBytes.wrappingAdd(Int64(bytes), ordering: .relaxed)
        fetchedBytes.wrappingAdd(Int64(bytes), ordering: .relaxed)
    }
    func wait(_ isWaiting: Bool) { waitingFiles.wrappingAdd(isWaiting ? 1 : -1, ordering: .relaxed) }
}
