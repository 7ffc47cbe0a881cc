import CSQLite

/// The tables of a queue file.
enum Schema {
    /// The version of the tables, incremented when an older program would misread them.
    static let version = 5
    /// SQLite's application_id, "PGQU", by which a queue is recognized.
    static let applicationID = 0x5047_5155

    /// Makes the tables in a new file, and refuses a file that is not a queue.
    static func prepare(_ connection: Connection, create: Bool) throws(QueueError) {
        var marks = try Marks(of: connection)
        if marks.isEmpty {
            guard create else { throw .notAQueue(queue: connection.path) }
            let doing = "making its tables"
            try connection.transaction(doing: doing) { () throws(QueueError) in
                // Another process may have been faster.
                if try isEmpty(connection) { try connection.execute(tables, doing: doing) }
            }
            marks = try Marks(of: connection)
        }
        guard marks.application == applicationID else { throw .notAQueue(queue: connection.path) }
        guard marks.version <= version else {
            throw .newerSchema(queue: connection.path, found: marks.version, known: version)
        }
        if marks.version < version { try raise(connection) }
    }

    /// Migrates an older file. An older program that has it open is not disturbed by additional columns.
    private static func raise(_ connection: Connection) throws(QueueError) {
        let doing = "raising it to schema \(version)"
        try connection.transaction(doing: doing) { () throws(QueueError) in
            // Another process may have been faster.
            let found = try pragma("user_version", connection)
            if found < 2 {
                try connection.execute(
                    """
                    ALTER TABLE jobs ADD COLUMN suspect INTEGER NOT NULL DEFAULT 0;
                    UPDATE jobs SET crashes = 0 WHERE crashes > 0;
                    DROP INDEX jobs_ready;
                    DROP INDEX jobs_failed;
                    \(indexesOfVersion2)
                    """, doing: doing)
            }
            if found < 3 {
                try connection.execute(
                    """
                    ALTER TABLE results ADD COLUMN details TEXT;
                    ALTER TABLE jobs ADD COLUMN picture INTEGER NOT NULL DEFAULT 0;
                    \(indexOfVersion3)
                    """, doing: doing)
            }
            if found < 4 { try connection.execute("ALTER TABLE jobs ADD COLUMN carried TEXT", doing: doing) }
            guard found < 5 else { return }
            try connection.execute(
                """
                ALTER TABLE jobs ADD COLUMN service TEXT;
                \(tableOfVersion5)
                PRAGMA user_version = \(version);
                """, doing: doing)
        }
    }

    /// The identification of a file.
    private struct Marks {
        let isEmpty: Bool
        let application: Int
        let version: Int

        init(of connection: Connection) throws(QueueError) {
            (isEmpty, application, version) = try connection.snapshot(doing: doing) { () throws(QueueError) in
                let empty = try Schema.isEmpty(connection)
                return (empty, try pragma("application_id", connection), try pragma("user_version", connection))
            }
        }
    }

    private static let doing = "opening it"

    private static func isEmpty(_ connection: Connection) throws(QueueError) -> Bool {
        let tables = try connection.rows("SELECT count(*) FROM sqlite_schema", doing: doing) { $0.integer(0) }
        let application = try pragma("application_id", connection)
        return tables.first == 0 && application == 0
    }

    private static func pragma(_ name: String, _ connection: Connection) throws(QueueError) -> Int {
        let values = try connection.rows("PRAGMA \(name)", doing: doing) { Int($0.integer(0)) }
        return values.first ?? 0
    }

    /// - `queue` has one row: the model that the queue belongs to, and the next fencing token.
    /// - `jobs`: what was submitted, and its state. `sequence` is the order of submission. `boot` names the boot
    ///   of the machine whose clock `lease_deadline` (state leased) and `not_before` (state retry) are of. `suspect`: a
    ///   world died or stopped answering while it had it; `crashes`: worlds that died while they had it alone.
    ///   `picture` is the same for jobs about the same pictures; 0 in those of an older program.
    ///   `carried`: the person's own columns, a JSON object. `service`: who waits for the answer.
    /// - `embedded`: bytes of pictures that are stored in the queue.
    /// - `results`: one row a finished job, written in the transaction that finishes it. `number` is the order of
    ///   completion. Tokens are little-endian int32, log-probabilities little-endian float32; `details` is a JSON
    ///   object.
    /// - `audit`: every end of a job that was accepted, never changed; each token at most once.
    /// - `worlds`: who works on the queue, as each announced itself last (``WorldRecord``).
    /// - `counts`: jobs by state, updated by triggers, so that a status costs the same at a million jobs.
    ///
    /// The indexes are partial: each holds only the jobs of its state, so finished ones cost nothing.
    private static let tables = """
        PRAGMA application_id = \(applicationID);
        PRAGMA user_version = \(version);

        CREATE TABLE queue (
            id INTEGER PRIMARY KEY CHECK (id = 1),
            fingerprint TEXT,
            model TEXT,
            next_token INTEGER NOT NULL
        );
        INSERT INTO queue (id, next_token) VALUES (1, 1);

        CREATE TABLE jobs (
            sequence INTEGER PRIMARY KEY,
            id TEXT NOT NULL UNIQUE,
            images TEXT NOT NULL,
            prompt TEXT NOT NULL,
            max_tokens INTEGER NOT NULL,
            priority INTEGER NOT NULL,
            options TEXT NOT NULL,
            state INTEGER NOT NULL DEFAULT \(JobState.ready.rawValue),
            attempts INTEGER NOT NULL DEFAULT 0,
            crashes INTEGER NOT NULL DEFAULT 0,
            suspect INTEGER NOT NULL DEFAULT 0,
            lease_token INTEGER,
            lease_owner TEXT,
            lease_deadline INTEGER,
            not_before INTEGER,
            boot TEXT,
            error_code TEXT,
            error_message TEXT,
            submitted_at INTEGER NOT NULL,
            picture INTEGER NOT NULL DEFAULT 0,
            carried TEXT,
            service TEXT
        );
        CREATE INDEX jobs_leased ON jobs (boot, lease_deadline) WHERE state = \(JobState.leased.rawValue);
        CREATE INDEX jobs_retry ON jobs (boot, not_before) WHERE state = \(JobState.retry.rawValue);
        \(indexesOfVersion2)
        \(indexOfVersion3)
        \(tableOfVersion5)

        CREATE TABLE embedded (
            sequence INTEGER NOT NULL,
            position INTEGER NOT NULL,
            bytes BLOB NOT NULL,
            PRIMARY KEY (sequence, position)
        );

        CREATE TABLE results (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            sequence INTEGER NOT NULL UNIQUE,
            text TEXT,
            tokens BLOB,
            logprobs BLOB,
            finish_reason TEXT,
            seconds REAL NOT NULL,
            error_code TEXT,
            error_message TEXT,
            finished_at INTEGER NOT NULL,
            details TEXT
        );

        CREATE TABLE audit (
            number INTEGER PRIMARY KEY AUTOINCREMENT,
            sequence INTEGER NOT NULL,
            id TEXT NOT NULL,
            state INTEGER NOT NULL,
            token INTEGER,
            owner TEXT,
            attempt INTEGER NOT NULL,
            at INTEGER NOT NULL
        );

        CREATE TABLE counts (state INTEGER PRIMARY KEY, jobs INTEGER NOT NULL);
        INSERT INTO counts (state, jobs) VALUES (0, 0), (1, 0), (2, 0), (3, 0), (4, 0), (5, 0);
        CREATE TRIGGER count_insert AFTER INSERT ON jobs BEGIN
            UPDATE counts SET jobs = jobs + 1 WHERE state = NEW.state;
        END;
        CREATE TRIGGER count_delete AFTER DELETE ON jobs BEGIN
            UPDATE counts SET jobs = jobs - 1 WHERE state = OLD.state;
        END;
        CREATE TRIGGER count_update AFTER UPDATE OF state ON jobs WHEN OLD.state <> NEW.state BEGIN
            UPDATE counts SET jobs = jobs - 1 WHERE state = OLD.state;
            UPDATE counts SET jobs = jobs + 1 WHERE state = NEW.state;
        END;
        """

    private static let tableOfVersion5 = """
        CREATE TABLE worlds (owner TEXT PRIMARY KEY, record TEXT NOT NULL, seen_at INTEGER NOT NULL);
        CREATE INDEX jobs_served ON jobs (sequence) WHERE service IS NOT NULL;
        """

    private static let indexOfVersion3 = """
        CREATE INDEX jobs_picture ON jobs (picture, priority, sequence)
            WHERE state = \(JobState.ready.rawValue) AND suspect = 0;
        """

    private static let indexesOfVersion2 = """
        CREATE INDEX jobs_ready ON jobs (priority DESC, sequence)
            WHERE state = \(JobState.ready.rawValue) AND suspect = 0;
        CREATE INDEX jobs_suspect ON jobs (crashes, sequence)
            WHERE state = \(JobState.ready.rawValue) AND suspect = 1;
        CREATE INDEX jobs_owner ON jobs (lease_owner, suspect) WHERE state = \(JobState.leased.rawValue);
        CREATE INDEX jobs_failed ON jobs (error_code, sequence) WHERE state = \(JobState.failed.rawValue);
        """
}
