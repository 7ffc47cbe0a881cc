import Base

/// What is known of a file of a client.
struct FileRecord: Sendable, Equatable {
    /// What files are for.
    enum Purpose: String, Sendable {
        /// The requests of a batch.
        case batch
        /// The answers of one.
        case batchOutput = "batch_output"
    }

    let id: String
    let bytes: Int
    /// Seconds since 1970.
    let created: Int
    /// What the client calls it.
    let name: String
    let purpose: Purpose

    /// As clients see it, and as it is stored.
    var json: JSON {
        .record([
            "id": .string(id), "object": .string("file"), "bytes": .integer(bytes), "created_at": .integer(created),
            "filename": .string(name), "purpose": .string(purpose.rawValue), "status": .string("processed"),
        ])
    }

    init(id: String, bytes: Int, created: Int, name: String, purpose: Purpose) {
        (self.id, self.bytes, self.created, self.name, self.purpose) = (id, bytes, created, name, purpose)
    }

    /// Returns nil for what is no record.
    init?(_ json: JSON) {
        guard let id = json["id"]?.string, let bytes = json["bytes"]?.integer,
            let created = json["created_at"]?.integer,
            let name = json["filename"]?.string,
            let purpose = json["purpose"]?.string.flatMap(Purpose.init(rawValue:)), bytes >= 0
        else { return nil }
        self.init(id: id, bytes: bytes, created: created, name: name, purpose: purpose)
    }
}
