import Base
import Synchronization
import Wire

/// The way from other threads to a rank's main thread: frames to send, collectives to begin, errors that end the loop.
package final class RankOutbox: FrameSender, Sendable {
    enum Item {
        case frame([UInt8], to: Int, about: UInt64)
        case collective(begin: (MPI) throws(ShardError) -> MPI.Request, Completion)
        case failure(ShardError)
        case wake
    }

    let items = Mailbox<Item>()
    let eventCounts: HostEventCounts
    private let isNotifiedOfAllTransfers: Bool
    let roundsMade = Atomic<UInt64>(0)
    /// The rounds that the main thread has made so far, for a watchdog.
    package var rounds: UInt64 { roundsMade.load(ordering: .relaxed) }
    let sentBytes = Atomic<Int>(0)
    /// The size of the frames that were sent to other ranks so far, in bytes.
    package var sentFrameBytes: Int { sentBytes.load(ordering: .relaxed) }
    private let awaiting = Atomic<Bool>(false)
    private let idleCores = Atomic<Bool>(false)

    /// - Parameter isNotifiedOfAllTransfers: Whether the main thread is notified when a transfer of any peer makes
    ///   progress, because all ranks of the world are on this host.
    init(eventCounts: HostEventCounts, isNotifiedOfAllTransfers: Bool) {
        self.eventCounts = eventCounts
        self.isNotifiedOfAllTransfers = isNotifiedOfAllTransfers
    }

    /// Whether the stage's thread waits for a collective.
    package var isAwaited: Bool { awaiting.load(ordering: .relaxed) }
    /// Whether this rank's cores are idle while it does, because no other rank shares them.
    package var hasIdleCores: Bool {
        get { idleCores.load(ordering: .relaxed) }
        set { idleCores.store(newValue, ordering: .relaxed) }
    }

    /// Waits for a collective; the main thread polls more often meanwhile.
    func wait(for completion: Completion) -> Result<Void, ShardError> {
        awaiting.store(true, ordering: .relaxed)
        defer { awaiting.store(false, ordering: .relaxed) }
        // Where every transfer notifies the main thread and cores are shared, polling more often would gain nothing.
        if !isNotifiedOfAllTransfers || hasIdleCores { put(.wake) }
        return completion.wait()
    }

    package func send(_ frame: [UInt8], to rank: Int, about picture: UInt64) {
        put(.frame(frame, to: rank, about: picture))
    }

    func put(_ item: Item) {
        items.put(item)
        eventCounts.notifyOwn()
    }

    /// Ends the rank's loop with an error.
    package func fail(_ error: ShardError) { put(.failure(error)) }

    /// Wakes the main thread, because its step has something to do.
    package func wake() { put(.wake) }
}
