import Base

/// A batch: requests of a file that are answered when there is time, within a day.
struct BatchRecord: Sendable, Equatable {
    enum Status: String, Sendable, CaseIterable {
        case validating
        case failed
        case inProgress = "in_progress"
        case finalizing
        case completed
        case expired
        case cancelling
        case cancelled

        var isEnd: Bool {
            switch self {
            case .failed, .completed, .expired, .cancelled: true
            case .validating, .inProgress, .finalizing, .cancelling: false
            }
        }
    }

    /// What is wrong in the file.
    struct Fault: Sendable, Equatable {
        var code: String
        /// From 1; nil for the whole file.
        var line: Int?
        var message: String
        var parameter: String?
    }

    /// How far it is: what is in the files of the answers, and up to where the results of the queue were read for it. Both are
    /// stored together, so that a line is neither lost nor doubled.
    struct Progress: Sendable, Equatable {
        /// The lines of the input that were submitted.
        var submitted = 0
        /// The number of the last result that was read.
        var lastNumber: Int64 = 0
        /// Bytes of whole lines.
        var outputBytes = 0
        var errorBytes = 0
        var completed = 0
        var failed = 0
    }

    let id: String
    let inputFile: String
    let endpoint: String
    let metadata: [JSON.Member]
    /// Seconds since 1970.
    let created: Int
    let expires: Int
    /// The names that the files of the answers will have.
    let outputFile: String
    let errorFile: String

    private(set) var status = Status.validating
    /// When it came to each status, in seconds since 1970.
    private(set) var times: [Status: Int] = [:]
    var faults: [Fault] = []
    /// The number of requests.
    var total = 0
    /// The adapters that requests name as their model.
    var adapters: [String] = []
    /// What tells the queue from others: the hash of its name.
    var queue = ""
    var progress = Progress()

    /// How long a batch may take, in seconds.
    static let window = 24 * 3600
    static let endpoint = "/v1/chat/completions"

    init(inputFile: String, metadata: [JSON.Member], now: Int) {
        id = "batch_" + StateID.make()
        self.inputFile = inputFile
        endpoint = Self.endpoint
        self.metadata = metadata
        created = now
        expires = now + Self.window
        (outputFile, errorFile) = (FileStore.newID(), FileStore.newID())
    }

    /// The beginning of the ids of its jobs.
    var prefix: String { id + "/" }

    mutating func enter(_ status: Status) {
        self.status = status
        times[status] = StateID.now
    }

    // MARK: As clients see it

    var json: JSON {
        func time(_ status: Status) -> JSON { times[status].map { .integer($0) } ?? .null }
        func file(_ id: String, _ bytes: Int) -> JSON { status.isEnd && bytes > 0 ? .string(id) : .null }
        return .record([
            "id": .string(id), "object": .string("batch"), "endpoint": .string(endpoint), "errors": errors,
            "input_file_id": .string(inputFile), "completion_window": .string("24h"),
            "status": .string(status.rawValue), "output_file_id": file(outputFile, progress.outputBytes),
            "error_file_id": file(errorFile, progress.errorBytes), "created_at": .integer(created),
            "in_progress_at": time(.inProgress), "expires_at": .integer(expires), "finalizing_at": time(.finalizing),
            "completed_at": time(.completed), "failed_at": time(.failed), "expired_at": time(.expired),
            "cancelling_at": time(.cancelling), "cancelled_at": time(.cancelled),
            "request_counts": .record([
                "total": .integer(total), "completed": .integer(progress.completed),
                "failed": .integer(progress.failed),
            ]),
            "metadata": metadata.isEmpty ? .null : .object(metadata),
        ])
    }

    private var errors: JSON {
        guard !faults.isEmpty else { return .null }
        let data = faults.map { fault in
            JSON.record([
                "code": .string(fault.code), "line": fault.line.map { .integer($0) } ?? .null,
                "message": .string(fault.message), "param": fault.parameter.map(JSON.string) ?? .null,
            ])
        }
        return .record(["object": .string("list"), "data": .array(data)])
    }
}

// MARK: As it is stored: what clients see, and a key with the rest

extension BatchRecord {
    var stored: JSON {
        let own = JSON.record([
            "output_file": .string(outputFile), "error_file": .string(errorFile), "queue": .string(queue),
            "adapters": .array(adapters.map { .string($0) }), "submitted": .integer(progress.submitted),
            "last_number": .integer(progress.lastNumber), "output_bytes": .integer(progress.outputBytes),
            "error_bytes": .integer(progress.errorBytes),
        ])
        return .object((json.object ?? []) + [.init(key: "paligemma", value: own)])
    }

    /// Returns nil for what is no record.
    init?(stored json: JSON) {
        guard let id = json["id"]?.string, let input = json["input_file_id"]?.string,
            let endpoint = json["endpoint"]?.string, let created = json["created_at"]?.integer,
            let expires = json["expires_at"]?.integer,
            let status = json["status"]?.string.flatMap(Status.init(rawValue:)),
            let own = json["paligemma"], let output = own["output_file"]?.string,
            let error = own["error_file"]?.string, let progress = Progress(own, json["request_counts"]),
            let total = json["request_counts"]?["total"]?.integer
        else { return nil }
        (self.id, inputFile, self.endpoint) = (id, input, endpoint)
        metadata = json["metadata"]?.object ?? []
        (self.created, self.expires, outputFile, errorFile) = (created, expires, output, error)
        self.status = status
        for status in Status.allCases { times[status] = json[status.rawValue + "_at"]?.integer }
        faults = (json["errors"]?["data"]?.array ?? []).compactMap { fault in
            guard let code = fault["code"]?.string, let message = fault["message"]?.string else { return nil }
            return Fault(
                code: code, line: fault["line"]?.integer, message: message, parameter: fault["param"]?.string)
        }
        self.total = total
        adapters = own["adapters"]?.array?.compactMap(\.string) ?? []
        queue = own["queue"]?.string ?? ""
        self.progress = progress
    }
}

extension BatchRecord.Progress {
    fileprivate init?(_ own: JSON, _ counts: JSON?) {
        guard let submitted = own["submitted"]?.integer, let last = own["last_number"]?.integer,
            let output = own["output_bytes"]?.integer, let error = own["error_bytes"]?.integer,
            let completed = counts?["completed"]?.integer, let failed = counts?["failed"]?.integer,
            min(submitted, last, output, error, completed, failed) >= 0
        else { return nil }
        (self.submitted, lastNumber, outputBytes, errorBytes) = (submitted, Int64(last), output, error)
        (self.completed, self.failed) = (completed, failed)
    }
}
