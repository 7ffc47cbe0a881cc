import Base
import Foundation
import JobSources
import Queue
import ResultSinks

/// What the batches of a service need beside their files.
struct BatchSettings: Sendable {
    /// The name of the queue.
    let queue: String
    let pictures: BatchPictures
    /// Tells what a request names as its model.
    let model: @Sendable (String) -> OpenAIJobs.NamedModel
    /// What answers call the model.
    let servedModel: @Sendable () -> String
    /// Tells the worlds what was done to the queue.
    let notifyWorlds: @Sendable (QueueMessage) -> Void
    /// Takes what a person should know of trouble that goes on.
    let log: @Sendable (String) -> Void
}

/// The steps of batches, one after the other on one thread. A step that failed, or that the end of the process interrupted, is done
/// again from what is noted on the disk.
final class BatchWork {
    private let settings: BatchSettings
    let store: BatchStore
    private let files: FileStore
    let queue: any JobQueue
    private let queueHash: String
    private let shouldStop: () -> Bool
    private var actives: [String: ActiveBatch] = [:]

    private static let page = 500
    /// So many pages without a line of a batch are noted as read.
    private static let notedPages: Int64 = 20

    /// - Throws: Where the queue cannot be opened.
    init(
        _ settings: BatchSettings, _ store: BatchStore, _ files: FileStore, shouldStop: @escaping () -> Bool
    ) throws(QueueError) {
        (self.settings, self.store, self.files, self.shouldStop) = (settings, store, files, shouldStop)
        queue = try openQueue(settings.queue, create: true, outage: .seconds(5))
        queueHash = ContentHash.hexadecimal(of: Array(settings.queue.utf8))
    }

    /// Forgets what is in memory of a batch, after a step of it failed.
    func forget(_ id: String) { actives[id] = nil }

    /// Does what is next for a batch.
    ///
    /// - Returns: Whether there is more to do at once.
    /// - Throws: ``StateError``, `QueueError` or `SystemError` where it has to be tried again.
    func step(_ record: BatchRecord) throws -> Bool {
        switch record.status {
        case .validating:
            try validate(record)
            return true
        case .inProgress:
            guard let active = try active(record) else { return false }
            if StateID.now >= record.expires {
                try close(active, as: .expired)
                return true
            }
            let more = try submit(active, record)
            try collect(active)
            guard active.remaining.isEmpty else { return more }
            try store.update(record.id) { if $0.status == .inProgress { $0.enter(.finalizing) } }
            return true
        case .finalizing: if let active = try active(record) { try finish(active, as: .completed) }
        case .cancelling:
            if record.total == 0 {
                try end(record.id, as: .cancelled)
            } else if let active = try active(record) {
                try close(active, as: .cancelled)
            }
        case .failed, .completed, .expired, .cancelled: break
        }
        return false
    }

    // MARK: Beginning

    private func validate(_ record: BatchRecord) throws {
        let validation: BatchValidation
        do throws(QueueError) {
            let read = try BatchValidation(
                path: store.inputPath(of: record.id), name: record.inputFile, settings.pictures, model: settings.model,
                shouldStop: shouldStop)
            guard let read else { return }
            validation = read
        } catch {
            return try fail(record.id, [Self.unreadable(error)])
        }
        guard validation.faults.isEmpty else { return try fail(record.id, validation.faults) }
        let last = try lastNumber()
        let updated = try store.update(record.id) { record in
            guard record.status == .validating else { return }
            record.enter(.inProgress)
            record.total = validation.ids.count
            record.adapters = validation.adapters
            record.queue = queueHash
            record.progress.lastNumber = last
        }
        guard let updated, updated.status == .inProgress else { return }
        actives[record.id] = try ActiveBatch(updated, validation.ids, in: store, queue: queueHash)
    }

    private static func unreadable(_ error: QueueError) -> BatchRecord.Fault {
        // The path is nobody's business.
        let reason = if case .unreadable(_, let reason) = error { reason } else { error.description }
        return .init(code: "invalid_file", message: "the file cannot be read: \(reason)")
    }

    private func fail(_ id: String, _ faults: [BatchRecord.Fault]) throws {
        try store.update(id) { record in
            guard record.status == .validating || record.status == .inProgress else { return }
            record.faults = faults
            record.enter(.failed)
        }
        store.removeWork(of: id)
    }

    /// Returns a number that no result has passed yet, so that those of jobs which are submitted later come behind it.
    private func lastNumber() throws(QueueError) -> Int64 {
        func isPassed(_ number: Int64) throws(QueueError) -> Bool {
            try !queue.results(after: number, limit: 1).isEmpty
        }
        guard try isPassed(0) else { return 0 }
        var (low, step): (Int64, Int64) = (0, 1)
        while step < 1 << 60, try isPassed(low + step) {
            low += step
            step *= 2
        }
        var high = low + step
        while high - low > 1 {
            let middle = low + (high - low) / 2
            if try isPassed(middle) { low = middle } else { high = middle }
        }
        return high
    }

    /// Returns a batch that is being worked on; nil where it was to stop, or failed because its file is gone.
    private func active(_ record: BatchRecord) throws -> ActiveBatch? {
        if let active = actives[record.id] { return active }
        var ids: Set<ExactText> = []
        do throws(QueueError) {
            let input = try open(record)
            while let job = try input.next() {
                if shouldStop() { return nil }
                ids.insert(ExactText(job.id))
            }
        } catch {
            try fail(record.id, [Self.unreadable(error)])
            return nil
        }
        let active = try ActiveBatch(record, ids, in: store, queue: queueHash)
        if record.queue != queueHash {
            let (hash, progress) = (queueHash, active.progress)
            try store.update(record.id) { ($0.queue, $0.progress) = (hash, progress) }
        }
        actives[record.id] = active
        return active
    }

    private func open(_ record: BatchRecord) throws(QueueError) -> BatchInput {
        let adapters = record.adapters
        return try BatchInput(path: store.inputPath(of: record.id), name: record.inputFile) { name in
            adapters.contains { $0.isExactly(name) } ? .adapter : .model
        }
    }

    // MARK: Submitting

    /// Submits the next portion.
    ///
    /// - Returns: Whether there is another.
    private func submit(_ active: ActiveBatch, _ record: BatchRecord) throws -> Bool {
        guard active.progress.submitted < active.total else { return false }
        if active.input == nil {
            let input = try open(record)
            for _ in 0..<active.progress.submitted { _ = try input.next() }
            active.input = input
        }
        guard let input = active.input else { return false }
        var portion = BatchPortion()
        var read = 0
        while !portion.isFull {
            guard let job = try input.next() else {
                read = active.total - active.progress.submitted
                break
            }
            read += 1
            if active.remaining.contains(ExactText(job.id)) { portion.add(job, prefix: active.prefix) }
        }
        portion.fetch(with: settings.pictures)
        let start = ContinuousClock.now
        try portion.submit(to: queue)
        let duration = (ContinuousClock.now - start).inSeconds
        settings.notifyWorlds(.jobsAdded)
        active.progress.submitted += read
        try note(active)
        // Half of the time is the worlds'.
        Thread.sleep(forTimeInterval: min(duration, 1))
        return active.progress.submitted < active.total
    }

    // MARK: Collecting

    /// Writes what the queue has answered since the last time.
    ///
    /// - Parameter closing: What becomes of the batch whose jobs were canceled; nil where they were not.
    private func collect(_ active: ActiveBatch, closing: BatchRecord.Status? = nil) throws {
        var unnoted: Int64 = 0
        while !shouldStop() || closing != nil {
            let page = try queue.results(after: active.progress.lastNumber, limit: Self.page)
            guard let end = page.last else { return }
            let lines = OpenAILines(created: StateID.now, model: settings.servedModel())
            var hasLines = false
            for result in page {
                guard let id = active.customID(ofJob: result.id), active.take(id) else { continue }
                hasLines = true
                write(result, id, lines, to: active, closing)
            }
            active.progress.lastNumber = end.number
            unnoted += 1
            guard hasLines || unnoted >= Self.notedPages else { continue }
            unnoted = 0
            try note(active)
        }
    }

    private func write(
        _ result: JobResult, _ id: String, _ lines: OpenAILines, to active: ActiveBatch, _ closing: BatchRecord.Status?
    ) {
        switch result.outcome {
        case .answered:
            active.output.appendAnswer(lines.record(of: result, customID: id))
            active.progress.completed += 1
        case .failed(let failure, _):
            if let closing, failure.code == JobFailure.cancelled {
                active.output.appendFailure(Self.unattempted(id, active, closing, lines))
            } else {
                active.output.appendFailure(lines.record(of: result, customID: id))
                active.progress.failed += 1
            }
        }
    }

    private static func unattempted(
        _ id: String, _ active: ActiveBatch, _ closing: BatchRecord.Status, _ lines: OpenAILines
    ) -> [UInt8] {
        let (code, message) =
            closing == .expired
            ? ("batch_expired", "the request was not answered within 24 hours")
            : ("batch_cancelled", "the batch was canceled before the request was answered")
        return lines.unattempted(jobID: active.prefix + id, customID: id, code: code, message: message)
    }

    /// Puts the lines that were appended on the disk, and then what is to be remembered of them.
    private func note(_ active: ActiveBatch) throws {
        (active.progress.outputBytes, active.progress.errorBytes) = try active.output.write()
        let progress = active.progress
        FaultSwitch.before(.write, active.id)
        try store.update(active.id) { $0.progress = progress }
        FaultSwitch.after(.write, active.id)
    }

    // MARK: Ending

    /// Cancels what is left of a batch; each request that has no answer gets a line that says so.
    private func close(_ active: ActiveBatch, as status: BatchRecord.Status) throws {
        let left = active.remaining.map(\.text).sorted()
        _ = try queue.cancel(.ids(left.map { active.prefix + $0 }))
        settings.notifyWorlds(.jobsCanceled)
        try collect(active, closing: status)
        // Some were not submitted; a person may have removed others from the queue.
        let lines = OpenAILines()
        for id in left where active.take(id) {
            active.output.appendFailure(Self.unattempted(id, active, status, lines))
        }
        try note(active)
        try finish(active, as: status)
    }

    /// Makes files of what was written, and ends the batch.
    private func finish(_ active: ActiveBatch, as status: BatchRecord.Status) throws {
        guard let record = store.record(of: active.id) else { return }
        try publish(
            store.outputPath(of: active.id), record.outputFile, active.progress.outputBytes,
            name: "\(active.id)_output.jsonl")
        try publish(
            store.errorPath(of: active.id), record.errorFile, active.progress.errorBytes,
            name: "\(active.id)_error.jsonl")
        try end(active.id, as: status)
    }

    private func publish(_ path: String, _ id: String, _ bytes: Int, name: String) throws {
        guard bytes > 0 else { return }
        guard FileSystem.link(path, to: files.path(of: id)) || errno == EEXIST else {
            throw StateError(path, SystemError(errno))
        }
        try files.add(FileRecord(id: id, bytes: bytes, created: StateID.now, name: name, purpose: .batchOutput))
    }

    private func end(_ id: String, as status: BatchRecord.Status) throws {
        try store.update(id) { $0.enter(status) }
        store.removeWork(of: id)
        actives[id] = nil
    }
}
