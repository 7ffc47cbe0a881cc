/// The tables of a queue in a database: one queue per database, in a schema of its own.
enum PostgresSchema {
    static let name = "paligemma"
    /// The version of the tables, incremented when an older program would misread them.
    static let version = 4

    /// Makes the tables where there are none, and refuses those of another version.
    static func prepare(_ session: PostgresSession, create: Bool, timeout: Duration) throws(QueueError) {
        let doing = "opening it"
        let queue = session.address.masked
        let found = try session.run(doing: doing, timeout: timeout) { connection, _ throws(PostgresError) -> Int? in
            let found = try version(in: connection, doing: doing)
            if let found, found >= version || found < 1 { return found }
            guard create || found != nil else { return nil }
            return try connection.transaction(doing: doing) { () throws(PostgresError) -> Int? in
                // One process at a time. Each statement sees what was committed before it began, so those behind the lock
                // see what another process made.
                try connection.run(PostgresStatements.lockSchema, doing: doing)
                switch try version(in: connection, doing: doing) {
                case nil: try connection.execute(tables, doing: doing)
                case let found? where found >= version || found < 1: return found
                case let found?:
                    if found < 2 { try connection.execute(raisingVersion1, doing: doing) }
                    if found < 3 { try connection.execute(raisingVersion2, doing: doing) }
                    try connection.execute(raisingVersion3, doing: doing)
                }
                return version
            }
        }
        guard let found else { throw .notAQueue(queue: queue) }
        if found > version { throw .newerSchema(queue: queue, found: found, known: version) }
        if found < version { throw .olderSchema(queue: queue, found: found, known: version) }
    }

    /// The migration adds columns, which do not disturb an older program that has the database open.
    private static let raisingVersion1 = """
        ALTER TABLE paligemma.results ADD COLUMN details text;
        ALTER TABLE paligemma.jobs ADD COLUMN picture bigint NOT NULL DEFAULT 0;
        \(pictureIndex)
        """
    private static let raisingVersion2 = """
        ALTER TABLE paligemma.jobs ADD COLUMN carried text;
        """
    private static let raisingVersion3 = """
        ALTER TABLE paligemma.jobs ADD COLUMN service text;
        \(worldsTable)
        UPDATE paligemma.queue SET schema_version = \(version);
        """

    private static let worldsTable = """
        CREATE TABLE paligemma.worlds (owner text PRIMARY KEY, record text NOT NULL, seen_at timestamptz NOT NULL)
            WITH (fillfactor = 50, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000);
        CREATE INDEX jobs_served ON paligemma.jobs (sequence) WHERE service IS NOT NULL;
        """

    private static let pictureIndex = """
        CREATE INDEX jobs_picture ON paligemma.jobs (picture, priority, sequence) WHERE state = 0 AND NOT suspect;
        """

    /// Nil where there is no queue.
    private static func version(in connection: PostgresConnection, doing: String) throws(PostgresError) -> Int? {
        guard try connection.run(PostgresStatements.isThere, doing: doing).first?.flag(0) == true else { return nil }
        let rows = try connection.run(PostgresStatements.schemaVersion, doing: doing)
        return rows.first.map { Int($0.integer(0)) }
    }

    /// - `queue` has one row: the schema's version and the model that the queue belongs to.
    /// - `jobs`: what was submitted, and its state; the columns are those of the queue file. `lease_claim` identifies
    ///   the leases of one call, for a world whose connection broke before it got the reply. Ids are unique by their
    ///   hash, since an index cannot hold long texts.
    /// - `embedded`, `results`, `audit`: as in the queue file. No token can be in the audit twice, and no entry can
    ///   be changed or removed.
    /// - `worlds`: who works on the queue, as each announced itself last.
    /// - `counts`: jobs by state, in many rows of which each server process changes one: worlds that finish at the same
    ///   time do not wait for each other, and a status adds up as many however many jobs there are. Triggers that
    ///   run once a statement, at its end, keep them right.
    ///
    /// `queue_time` is the database's clock, by which leases expire. `next_number` numbers results in
    /// the order of completion: a writer that takes a number holds a shared lock until its transaction is over, so a
    /// reader that held the lock exclusively knows that every number taken before is visible or never will be.
    ///
    /// The indexes are partial: each holds only the jobs of its state. Tables are vacuumed after a few thousand
    /// changes, not after a fifth of a million jobs.
    private static let tables = """
        CREATE SCHEMA IF NOT EXISTS paligemma;

        CREATE FUNCTION paligemma.queue_time() RETURNS timestamptz LANGUAGE sql STABLE AS
            'SELECT statement_timestamp()';

        CREATE TABLE paligemma.queue (
            id int PRIMARY KEY CHECK (id = 1),
            schema_version bigint NOT NULL,
            fingerprint text,
            model text
        );
        INSERT INTO paligemma.queue (id, schema_version) VALUES (1, \(version));

        CREATE SEQUENCE paligemma.tokens;
        CREATE SEQUENCE paligemma.numbers;
        CREATE FUNCTION paligemma.next_number() RETURNS bigint LANGUAGE plpgsql VOLATILE AS $$
        BEGIN
            PERFORM pg_advisory_xact_lock_shared(\(PostgresStatements.numberingLock));
            RETURN nextval('paligemma.numbers');
        END $$;

        CREATE TABLE paligemma.jobs (
            sequence bigint GENERATED BY DEFAULT AS IDENTITY PRIMARY KEY,
            id text NOT NULL,
            images text NOT NULL,
            prompt text NOT NULL,
            max_tokens bigint NOT NULL,
            priority bigint NOT NULL,
            options text NOT NULL,
            state smallint NOT NULL DEFAULT 0,
            attempts bigint NOT NULL DEFAULT 0,
            crashes bigint NOT NULL DEFAULT 0,
            suspect boolean NOT NULL DEFAULT false,
            lease_token bigint,
            lease_owner text,
            lease_claim bigint,
            lease_deadline timestamptz,
            not_before timestamptz,
            error_code text,
            error_message text,
            submitted_at timestamptz NOT NULL DEFAULT paligemma.queue_time(),
            picture bigint NOT NULL DEFAULT 0,
            carried text,
            service text
        ) WITH (autovacuum_vacuum_scale_factor = 0.01, autovacuum_vacuum_threshold = 2000,
            autovacuum_analyze_scale_factor = 0.05, autovacuum_analyze_threshold = 2000,
            autovacuum_vacuum_cost_delay = 0);
        CREATE UNIQUE INDEX jobs_id ON paligemma.jobs (md5(id));
        CREATE INDEX jobs_ready ON paligemma.jobs (priority DESC, sequence) WHERE state = 0 AND NOT suspect;
        \(pictureIndex)
        \(worldsTable)
        CREATE INDEX jobs_suspect ON paligemma.jobs (crashes, sequence) WHERE state = 0 AND suspect;
        CREATE INDEX jobs_leased ON paligemma.jobs (lease_deadline) WHERE state = 1;
        CREATE INDEX jobs_owner ON paligemma.jobs (lease_owner) WHERE state = 1;
        CREATE INDEX jobs_retry ON paligemma.jobs (not_before) WHERE state = 2;
        CREATE INDEX jobs_failed ON paligemma.jobs (error_code, sequence) WHERE state = 4;

        CREATE TABLE paligemma.embedded (
            sequence bigint NOT NULL,
            position bigint NOT NULL,
            bytes bytea NOT NULL,
            PRIMARY KEY (sequence, position)
        );
        ALTER TABLE paligemma.embedded ALTER COLUMN bytes SET STORAGE EXTERNAL;

        CREATE TABLE paligemma.results (
            number bigint PRIMARY KEY DEFAULT paligemma.next_number(),
            sequence bigint NOT NULL UNIQUE,
            text text,
            tokens bytea,
            logprobs bytea,
            finish_reason text,
            seconds float8 NOT NULL,
            error_code text,
            error_message text,
            finished_at timestamptz NOT NULL DEFAULT paligemma.queue_time(),
            details text
        );

        CREATE TABLE paligemma.audit (
            number bigint PRIMARY KEY DEFAULT paligemma.next_number(),
            sequence bigint NOT NULL,
            id text NOT NULL,
            state smallint NOT NULL,
            token bigint,
            owner text,
            attempt bigint NOT NULL,
            at timestamptz NOT NULL DEFAULT paligemma.queue_time()
        );
        CREATE UNIQUE INDEX audit_token ON paligemma.audit (token) WHERE token IS NOT NULL;
        CREATE FUNCTION paligemma.keep_audit() RETURNS trigger LANGUAGE plpgsql AS $$
        BEGIN RAISE EXCEPTION 'the audit of a queue is only added to'; END $$;
        CREATE TRIGGER keep_audit BEFORE UPDATE OR DELETE ON paligemma.audit
            FOR EACH ROW EXECUTE FUNCTION paligemma.keep_audit();

        CREATE TABLE paligemma.counts (
            shard int PRIMARY KEY,
            ready bigint NOT NULL DEFAULT 0,
            leased bigint NOT NULL DEFAULT 0,
            retry bigint NOT NULL DEFAULT 0,
            done bigint NOT NULL DEFAULT 0,
            failed bigint NOT NULL DEFAULT 0,
            cancelled bigint NOT NULL DEFAULT 0
        ) WITH (fillfactor = 20, autovacuum_vacuum_scale_factor = 0, autovacuum_vacuum_threshold = 1000,
            autovacuum_vacuum_cost_delay = 0);
        INSERT INTO paligemma.counts (shard) SELECT generate_series(0, \(PostgresStatements.shards - 1));

        \(counter("insert", changes: "SELECT state, 1 AS change FROM added", referencing: "NEW TABLE AS added"))
        \(counter("delete", changes: "SELECT state, -1 AS change FROM gone", referencing: "OLD TABLE AS gone"))
        \(counter(
            "update",
            changes: "SELECT state, 1 AS change FROM added UNION ALL SELECT state, -1 AS change FROM gone",
            referencing: "OLD TABLE AS gone NEW TABLE AS added"))
        """

    /// The function and the trigger that count after one kind of statement.
    private static func counter(_ event: String, changes: String, referencing tables: String) -> String {
        let sums = JobState.allCases.map {
            "coalesce(sum(change) FILTER (WHERE state = \($0.rawValue)), 0) AS \($0)"
        }
        let additions = JobState.allCases.map { "\($0) = counts.\($0) + sums.\($0)" }
        let changed = JobState.allCases.map { "sums.\($0) <> 0" }
        return """
            CREATE FUNCTION paligemma.count_\(event)() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                UPDATE paligemma.counts SET \(additions.joined(separator: ", "))
                FROM (SELECT \(sums.joined(separator: ", ")) FROM (\(changes)) AS changes) AS sums
                WHERE counts.shard = pg_backend_pid() % \(PostgresStatements.shards)
                    AND (\(changed.joined(separator: " OR ")));
                RETURN NULL;
            END $$;
            CREATE TRIGGER count_\(event) AFTER \(event.uppercased()) ON paligemma.jobs REFERENCING \(tables)
                FOR EACH STATEMENT EXECUTE FUNCTION paligemma.count_\(event)();
            """
    }
}
