import Base

/// What a world says of itself in a queue, so that people and services see who works on it.
package struct WorldRecord: Sendable, Equatable {
    /// The name that the world leases with.
    package var owner: String
    /// The host of its first rank.
    package var host: String
    /// The number of its ranks, and how many of them encode pictures.
    package var ranks: Int
    package var visionRanks: Int
    /// The name of its model, and those of the adapters that it has.
    package var model: String
    package var adapters: [String]
    /// Positions that a prompt and its answer may have together; nil where the model has no bound.
    package var maximumPositions: Int?
    /// When it started, in seconds since 1970 by its own clock.
    package var started: Int
    /// Jobs that it has answered, and jobs that failed in it.
    package var answered = 0
    package var failed = 0
    /// The jobs that it has leased now.
    package var inFlight = 0
    /// How its ranks spent their time lately; nil where it has not said so.
    package var times: RankTimes?

    package init(
        owner: String, host: String, ranks: Int, visionRanks: Int, model: String, adapters: [String],
        maximumPositions: Int?, started: Int
    ) {
        self.owner = owner
        self.host = host
        self.ranks = ranks
        self.visionRanks = visionRanks
        self.model = model
        self.adapters = adapters
        self.maximumPositions = maximumPositions
        self.started = started
    }
}

/// A world that announced itself, and the time since it did.
package struct SeenWorld: Sendable, Equatable {
    package var record: WorldRecord
    package var age: Duration

    package init(record: WorldRecord, age: Duration) {
        self.record = record
        self.age = age
    }
}

extension WorldRecord {
    /// How long the record of a world is kept that is not heard of any more.
    static let longestKept = Duration.seconds(86_400)

    /// The record as the queues store it.
    var encoded: String {
        var members: [JSON.Member] = []
        func add(_ key: String, _ value: JSON) { members.append(JSON.Member(key: key, value: value)) }
        func add(_ key: String, _ value: Int) { add(key, .number(String(value))) }
        add("host", .string(host))
        add("ranks", ranks)
        add("vision_ranks", visionRanks)
        add("model", .string(model))
        add("adapters", .array(adapters.map { .string($0) }))
        if let maximumPositions { add("maximum_positions", maximumPositions) }
        add("started", started)
        add("answered", answered)
        add("failed", failed)
        add("in_flight", inFlight)
        if let times { add("times", times.json) }
        var writer = JSONWriter()
        writer.value(.object(members))
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Reads a record. What another version left out is 0 or empty.
    init?(owner: String, encoded: String) {
        guard let json = try? JSON(parsing: encoded) else { return nil }
        func number(_ key: String) -> Int { json[key]?.integer ?? 0 }
        self.init(
            owner: owner, host: json["host"]?.string ?? "", ranks: number("ranks"),
            visionRanks: number("vision_ranks"), model: json["model"]?.string ?? "",
            adapters: json["adapters"]?.array?.compactMap(\.string) ?? [],
            maximumPositions: json["maximum_positions"]?.integer, started: number("started"))
        answered = number("answered")
        failed = number("failed")
        inFlight = number("in_flight")
        times = json["times"].flatMap { RankTimes($0) }
    }
}
