import Base
import Foundation
import Queue
import Synchronization

/// The files and the batches of a service, and the thread that works on them.
final class BatchRunner: Sendable {
    let files: FileStore
    let batches: BatchStore
    private let settings: BatchSettings
    private let state: StateFolder
    private let wake = Mailbox<Void>()
    private let stopping = Atomic(false)
    private let thread = DispatchGroup()

    /// How often the queue is asked for answers, in seconds; and how long is waited after trouble.
    private static let (interval, pause) = (0.25, 2.0)

    /// Goes on with the batches that are there.
    ///
    /// - Throws: ``StateError`` where they cannot be read.
    init(_ state: StateFolder, _ settings: BatchSettings) throws(StateError) {
        (self.state, self.settings) = (state, settings)
        // First the batches: where they cannot be read, no file is touched.
        batches = try BatchStore(state)
        files = try FileStore(state)
        thread.enter()
        Thread.start("batches", stackBytes: 4 << 20) { [self] in
            run()
            thread.leave()
        }
    }

    /// Ends the thread; batches go on when the folder is used again.
    func stop() {
        stopping.store(true, ordering: .relaxed)
        wake.close()
        thread.wait()
    }

    /// Adds a batch.
    ///
    /// - Throws: ``SystemError``.
    func add(_ record: BatchRecord) throws(SystemError) {
        try batches.add(record, inputAt: files.path(of: record.inputFile))
        wake.put(())
    }

    /// Cancels a batch, unless it is about to end.
    ///
    /// - Returns: As it is now; nil where there is none by that id.
    /// - Throws: ``SystemError``.
    func cancel(_ id: String) throws(SystemError) -> BatchRecord? {
        let record = try batches.update(id) { record in
            if record.status == .validating || record.status == .inProgress { record.enter(.cancelling) }
        }
        wake.put(())
        return record
    }

    private func run() {
        var work: BatchWork?
        var trouble: String?
        while true {
            var delay: Double?
            // The oldest first.
            for record in batches.all.reversed() where !record.status.isEnd {
                if stopping.load(ordering: .relaxed) { return }
                do {
                    let current = try work ?? makeWork()
                    work = current
                    // Each as it is now; a client may have canceled it meanwhile.
                    let isBusy = try batches.record(of: record.id).map(current.step) ?? false
                    delay = min(delay ?? Self.interval, isBusy ? 0 : Self.interval)
                    trouble = nil
                } catch {
                    work?.forget(record.id)
                    delay = min(delay ?? Self.pause, Self.pause)
                    let text = "\(record.id): \(error)"
                    if trouble != text { settings.log("\(text); it is tried again") }
                    trouble = text
                }
            }
            // Without a batch nothing is to do until one comes.
            switch wake.takeFirst(until: delay.map { .now() + $0 }) {
            case .closed: return
            case .item: _ = wake.takeAll()
            case .timeout: break
            }
        }
    }

    private func makeWork() throws(QueueError) -> BatchWork {
        try BatchWork(settings, batches, files) { [self] in stopping.load(ordering: .relaxed) }
    }
}
