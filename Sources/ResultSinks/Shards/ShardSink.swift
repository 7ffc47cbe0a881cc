import Archives
import Base
import Queue

/// Writes a tar shard for each shard of pictures: for each picture `KEY.txt` with the answer, `KEY.json` with the line of the
/// results, and the picture itself if it is wanted. A shard gets its name when all of its jobs have ended; one whose answers
/// have not changed since is left as it is.
final class ShardSink: ResultSink {
    private let folder: String
    private let copiesPictures: Bool
    private var log: ShardLog?
    private var tally = ShardTally()
    private var lastNumber: Int64 = 0
    private var notCopied = 0

    init(folder: String, copiesPictures: Bool) {
        self.folder = folder.count > 1 && folder.hasSuffix("/") ? String(folder.dropLast()) : folder
        self.copiesPictures = copiesPictures
    }

    func update(from queue: any JobQueue) throws {
        try readNew(from: queue)
        try writeComplete(from: queue, isAllDone: false)
    }

    func finish(from queue: any JobQueue) throws -> SinkReport {
        // Before the results are read: none may come in between.
        let outstanding = try queue.counts().outstanding
        try readNew(from: queue)
        try writeComplete(from: queue, isAllDone: outstanding == 0)
        var report = SinkReport()
        let open = tally.shards.values.count { $0.isChanged }
        report.note(
            open, "shard has jobs that have not ended, and is not written yet",
            "shards have jobs that have not ended, and are not written yet")
        if let first = tally.strangers.first {
            report.note(
                tally.strangers.count, "job is about no picture of a tar shard and is left out: \(first)",
                "jobs are about no picture of a tar shard, like \(first), and are left out")
        }
        report.note(
            tally.misnumbered, "job has a number that no queue gives and is left out; the queue is damaged",
            "jobs have numbers that no queue gives and are left out; the queue is damaged")
        report.note(
            notCopied, "picture was not copied: only those of shards on this machine that are not compressed can be",
            "pictures were not copied: only those of shards on this machine that are not compressed can be")
        report.isIncomplete = tally.strangers.count > 0 || tally.misnumbered > 0 || notCopied > 0
        return report
    }

    private func readNew(from queue: any JobQueue) throws {
        while true {
            let results = try queue.results(after: lastNumber, limit: 1000)
            for result in results { try tally.add(result) }
            guard let last = results.last else { return }
            lastNumber = last.number
        }
    }

    private func writeComplete(from queue: any JobQueue, isAllDone: Bool) throws {
        for name in tally.complete(isAllDone: isAllDone) {
            guard let shard = tally.shards[name] else { continue }
            try write(name, shard, from: queue)
            tally.noteWritten(name)
        }
    }

    private func opened() throws(SinkError) -> ShardLog {
        if let log { return log }
        do throws(SystemError) { try FileSystem.makeFolder(folder) } catch { throw SinkError(error, writing: folder) }
        let opened = try ShardLog(folder: folder)
        log = opened
        return opened
    }

    private func write(_ name: ExactText, _ shard: ShardTally.Shard, from queue: any JobQueue) throws {
        let log = try opened()
        let path = "\(folder)/\(name.text)"
        let digest = try digest(of: shard, from: queue)
        let status = FileSystem.status(of: path)
        if let status {
            if let content = log.content(of: name), content.digest == digest, content.size == Int(status.st_size) {
                return
            }
            if FileIdentity(path: shard.input) == FileIdentity(status) {
                throw SinkError(
                    .isInput, at: path, "the output is the shard that the pictures are in; give another folder")
            }
            guard log.isOurs(name) else {
                throw SinkError(
                    .collision, at: path,
                    "there is a file of this name that this program did not write; give another folder, or remove it")
            }
        }
        try log.note(name, nil)
        do {
            let file = try NewFile(for: path)
            let writer = ShardWriter(file.descriptor, name: path, copiesPictures: copiesPictures)
            try forEachResult(of: shard, from: queue) { try writer.append($0) }
            try writer.finish()
            notCopied += writer.notCopied
            FaultSwitch.before(.write, path)
            try file.commit()
            FaultSwitch.after(.write, path)
            try log.note(name, ShardLog.Content(digest: digest, size: writer.size))
        } catch let error as SystemError {
            throw SinkError(error, writing: path)
        }
    }

    /// The hash of all that goes into a shard but the pictures.
    private func digest(of shard: ShardTally.Shard, from queue: any JobQueue) throws -> String {
        var hash = PartsHash()
        (copiesPictures ? "pictures" : "texts").utf8.withContiguousStorageIfAvailable {
            hash.add(UnsafeRawBufferPointer($0))
        }
        try forEachResult(of: shard, from: queue) { result in
            result.line().withUnsafeBytes { hash.add($0) }
        }
        return hash.hexadecimal()
    }

    private func forEachResult(
        of shard: ShardTally.Shard, from queue: any JobQueue, _ body: (JobResult) throws -> Void
    ) throws {
        // The tally has numbers from 1 only.
        var last = shard.sequences.lowerBound - 1
        while last < shard.sequences.upperBound {
            let results = try queue.sortedResults(afterSequence: last, limit: 1000)
            for result in results where result.sequence <= shard.sequences.upperBound {
                guard let member = result.pictures.first.flatMap({ ShardMember($0.name) }),
                    member.shard.isExactly(shard.input)
                else { continue }
                try body(result)
            }
            guard let end = results.last else { return }
            last = end.sequence
        }
    }
}
