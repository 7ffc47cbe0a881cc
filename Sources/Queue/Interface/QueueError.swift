import Base

/// The reason why the queue, or what was to be put into it, cannot be used.
package enum QueueError: Error, Equatable {
    /// The file is not there, or may not be opened.
    case cannotOpen(queue: String, reason: String)
    /// Others held the queue for longer than the timeout.
    case busy(queue: String, doing: String)
    /// There is no space left; nothing that was finished is lost.
    case diskFull(queue: String, doing: String)
    /// The file is damaged.
    case corrupt(queue: String, detail: String)
    /// The file is not a queue.
    case notAQueue(queue: String)
    /// Made by a newer version of this software.
    case newerSchema(queue: String, found: Int, known: Int)
    /// The queue belongs to another model.
    case otherModel(queue: String, belongsTo: String, offered: String)
    /// Made by an older version, and cannot be migrated.
    case olderSchema(queue: String, found: Int, known: Int)
    /// The file lies on a network file system, whose locks do not work between machines.
    case networkFileSystem(queue: String, kind: String)
    /// The address of a queue is not valid. Its password is left out.
    case badAddress(address: String, reason: String)
    /// The server is down or out of reach, and stayed so until the timeout.
    case unreachable(queue: String, reason: String)
    /// The server refuses the connection: password, permission, encryption, no such database.
    case refused(queue: String, reason: String, advice: String)
    /// More jobs would be ready than the submitter allows.
    case full(queue: String, ready: Int, adding: Int, bound: Int)
    /// Any other answer of the database.
    case failed(queue: String, doing: String, detail: String)
    /// The lease no longer holds: it expired and another world has the job, or the job was canceled or replaced.
    case staleLease(jobID: String)
    /// An id is in the queue already, with other contents.
    case otherContents(jobID: String, source: String?, difference: String, idAdvice: String? = nil)
    /// A file or folder of jobs cannot be read.
    case unreadable(path: String, reason: String)

    /// A short name for logs.
    package var code: String {
        switch self {
        case .cannotOpen: "queue_cannot_open"
        case .busy: "queue_busy"
        case .diskFull: "queue_disk_full"
        case .corrupt: "queue_corrupt"
        case .notAQueue: "queue_not_a_queue"
        case .newerSchema: "queue_newer_schema"
        case .olderSchema: "queue_older_schema"
        case .networkFileSystem: "queue_network_file_system"
        case .badAddress: "queue_bad_address"
        case .unreachable: "queue_unreachable"
        case .refused: "queue_refused"
        case .full: "queue_full"
        case .otherModel: "queue_other_model"
        case .failed: "queue_failed"
        case .staleLease: "queue_stale_lease"
        case .otherContents: "job_other_contents"
        case .unreadable: "job_unreadable"
        }
    }
}

extension QueueError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .cannotOpen(let queue, let reason):
            "cannot open the queue \(queue): \(reason)"
        case .busy(let queue, let doing):
            "the queue \(queue) was held by others for too long while \(doing); try again, "
                + "or look for a process that hangs with it open"
        case .diskFull(let queue, let doing):
            "no space left under the queue \(queue) while \(doing); make room and start the same command again, "
                + "nothing that was finished is lost"
        case .corrupt(let queue, let detail) where QueueAddress.isDatabase(queue):
            "the queue \(queue) is damaged (\(detail)); find what changed its tables, and submit the jobs to a new database "
                + "where they cannot be repaired"
        case .corrupt(let queue, let detail):
            "the queue \(queue) is damaged (\(detail)); keep a copy of it, and move what can be read into a new one "
                + "with `sqlite3 \(queue) .recover`"
        case .notAQueue(let queue) where QueueAddress.isDatabase(queue):
            "the database \(queue) holds no queue; `paligemma submit` makes one in it, or give the address of another"
        case .notAQueue(let queue):
            "\(queue) is not a queue of this program; give another path, or move that file away"
        case .newerSchema(let queue, let found, let known):
            "the queue \(queue) has schema \(found) of a newer version of this program, which knows up to \(known); "
                + "use the newer version"
        case .olderSchema(let queue, let found, let known):
            "the queue \(queue) has schema \(found) of an older version of this program, which knows \(known); finish it "
                + "with that version, or submit the jobs to a new queue"
        case .networkFileSystem(let queue, let kind):
            "the queue \(queue) lies on a network file system (\(kind)), where locks do not keep two worlds apart; put the "
                + "file on a disk of this machine, or use PostgreSQL for worlds on several: --queue postgres://host/database"
        case .badAddress(let address, let reason):
            "cannot read the queue's address \(address): \(reason); it looks like postgres://user@host:5432/database"
        case .unreachable(let queue, let reason):
            "cannot reach the queue \(queue): \(reason); check that the server runs and that this machine may reach it"
        case .refused(let queue, let reason, let advice):
            "the queue \(queue) refused the connection: \(reason); \(advice)"
        case .full(let queue, let ready, let adding, let bound):
            "the queue \(queue) has \(ready.counted("job")) ready, and \(adding) more would pass the bound of \(bound) (--max-ready); "
                + "submit the same again when worlds have answered some, what is in already is not doubled"
        case .otherModel(let queue, let belongsTo, let offered):
            "the queue \(queue) belongs to the model \(belongsTo), not to \(offered); "
                + "use a queue of its own for each model, with its --precision, --resize, --sliding-window and --adapter"
        case .failed(let queue, let doing, let detail):
            "the queue \(queue) failed while \(doing): \(detail); what was finished is kept, start the same command again"
        case .staleLease(let jobID):
            "the lease of job '\(jobID)' no longer holds; its result was refused, another world has the job"
        case .otherContents(let jobID, let source, let difference, let idAdvice):
            (source.map { "\($0): " } ?? "")
                + "job '\(jobID)' is already in the queue with other contents (\(difference)); "
                + "give it another id\(idAdvice.map { " (\($0))" } ?? ""), or --replace to queue it again"
        case .unreadable(let path, let reason):
            "cannot read \(path): \(reason)"
        }
    }
}
