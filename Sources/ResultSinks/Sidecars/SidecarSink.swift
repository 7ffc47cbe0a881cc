import Base
import Glibc
import Queue

/// Writes each answer into a text file beside its picture, or in a tree that mirrors where the pictures are. Each text is put in
/// its place whole.
final class SidecarSink: ResultSink {
    /// A text that is to be written.
    private struct Pending {
        let key: Digest
        let path: String
        let contents: [UInt8]
        let old: UInt64?
    }

    private let rules: SidecarRules
    private let place: SidecarPath
    private let log: SidecarLog?
    private var plan: SidecarPlan
    private var isChecked = false
    private var lastNumber: Int64 = 0
    private var counts = Counts()

    /// What did not become a text.
    private struct Counts {
        var failed = 0
        var empty = 0
        var kept = 0
        var withoutPicture = 0
    }

    /// - Parameters:
    ///   - folder: the folder of the mirrored tree; nil for the folder of each picture.
    ///   - log: the file that notes what was written; it may be nil where no text gets several answers.
    /// - Throws: ``SinkError``.
    init(_ rules: SidecarRules, folder: String?, log: String?) throws(SinkError) {
        guard log != nil || !rules.existing.keepsText else {
            throw SinkError(
                .badPlace, at: "--sidecar \(rules.existing.rawValue)",
                "a log has to note which answers were added; name a file for it with --sidecar-log")
        }
        self.rules = rules
        place = SidecarPath(rules: rules, folder: folder)
        plan = SidecarPlan(rules, folder: folder)
        // A text that is there is the note of its answer where none is replaced.
        self.log =
            if let log, rules.existing != .skip {
                try SidecarLog(path: log, isIdempotent: !rules.existing.keepsText)
            } else { nil }
    }

    func update(from queue: any JobQueue) throws {
        if !isChecked {
            // Before anything is written.
            try queue.forEachResult(sorted: false) { try check($0) }
            isChecked = true
        }
        while true {
            let results = try queue.results(after: lastNumber, limit: 1000)
            guard let last = results.last else { return }
            try write(results)
            lastNumber = last.number
        }
    }

    func finish(from queue: any JobQueue) throws -> SinkReport {
        try update(from: queue)
        var report = SinkReport()
        report.notes.append(place.folder.map { "texts below \($0)" } ?? "texts beside their pictures")
        report.note(counts.failed, "job failed and has no text", "jobs failed and have no text")
        report.note(counts.empty, "answer is empty and has no text", "answers are empty and have no text")
        report.note(counts.kept, "text was there and stays as it is", "texts were there and stay as they are")
        report.note(counts.withoutPicture, "job has no picture to write beside", "jobs have no picture to write beside")
        let changed = log?.changedTexts ?? []
        if let first = changed.first {
            report.note(
                changed.count,
                "text was changed by others while a killed run had begun to write it: \(first); its answer was not added",
                "texts were changed by others while a killed run had begun to write them, like \(first): "
                    + "their answers were not added")
        }
        report.isIncomplete = counts.withoutPicture + changed.count > 0
        return report
    }

    private func check(_ result: JobResult) throws(SinkError) {
        guard case .answered = result.outcome else { return }
        _ = try plan.decide(id: result.id, picture: result.pictures.first)
    }

    private func write(_ results: [JobResult]) throws {
        var batch: [Pending] = []
        var paths: Set<ExactText> = []
        for result in results {
            try check(result)
            guard let (key, path, text) = try wanted(result) else { continue }
            // The next answer for a text is put behind one that is there.
            if !paths.insert(ExactText(path)).inserted {
                try write(batch)
                batch = []
                paths = [ExactText(path)]
            }
            // Also where it is replaced: it may be something else than a text.
            let existing = try SidecarText.contents(of: path)
            let old = rules.existing.keepsText ? existing : nil
            batch.append(
                Pending(key: key, path: path, contents: rules.contents(with: text, old: old), old: SidecarLog.hash(old))
            )
        }
        try write(batch)
    }

    /// Returns what is to be written for a result; nil for nothing.
    private func wanted(_ result: JobResult) throws(SinkError) -> (key: Digest, path: String, text: String)? {
        guard case .answered(let answer) = result.outcome else {
            counts.failed += 1
            return nil
        }
        guard let picture = result.pictures.first else {
            counts.withoutPicture += 1
            return nil
        }
        guard let text = rules.text(ofAnswer: answer.text) else {
            counts.empty += 1
            return nil
        }
        let path = try place.path(for: picture)
        // Another answer to the same question replaces the first one, but is not added to it.
        let key = Digest("\(result.id)\u{0}\(result.prompt)\u{0}" + (rules.existing.keepsText ? "" : text))
        let isThere = FileSystem.linkStatus(of: path) != nil
        if rules.existing == .skip && isThere {
            counts.kept += 1
            return nil
        }
        if let log, log.contains(key), rules.existing.keepsText || isThere { return nil }
        return (key, path, text)
    }

    private func write(_ batch: [Pending]) throws(SinkError) {
        guard !batch.isEmpty else { return }
        try log?.begin(
            batch.map {
                SidecarLog.Entry(key: $0.key, old: $0.old, new: SidecarLog.hash($0.contents) ?? 0, path: $0.path)
            })
        for (index, text) in batch.enumerated() {
            do throws(SystemError) {
                if place.folder != nil { try FileSystem.makeFolder(text.path.parentPath) }
                FaultSwitch.before(.write, text.path)
                try NewFile.write(text.contents, to: text.path, durably: false)
                FaultSwitch.after(.write, text.path)
            } catch {
                try log?.takeBack(batch[index...].map(\.key))
                throw SinkError(error, writing: text.path)
            }
        }
        try log?.end()
    }
}
