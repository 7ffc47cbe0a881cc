/// Every statement that the queue asks of the server. Numbers of states are those of ``JobState``; values are
/// parameters. Every change of a job is one statement, which is one transaction and one round trip to the server: the
/// counters are changed at its end, so that no transaction waits while it holds their locks.
enum PostgresStatements {
    /// Rows of counters; a server process changes the one of its own number. Several times the worlds, since processes
    /// are numbered with gaps and two that share a row wait for each other.
    static let shards = 1024
    /// Advisory locks: one for who makes the tables, one for who bounds a submission, one for who numbers results.
    static let schemaLock = 0x5047_5155_0001
    static let submitLock = 0x5047_5155_0002
    static let numberingLock = 0x5047_5155_0003
    /// Rows that a statement changes at most where it may meet many.
    static let batch = 5000

    /// Statistics lag behind a queue that is filled in seconds, so the planner is not left to guess: the indexes are
    /// made for these statements.
    private static let settings = [
        "search_path = paligemma, pg_catalog", "enable_seqscan = off", "enable_bitmapscan = off", "jit = off",
        "idle_in_transaction_session_timeout = '60s'", "timezone = 'UTC'",
    ]
    /// Every statement is written for this level, whatever the database's default is.
    private static let isolation = "READ COMMITTED"
    static let session =
        (settings + ["default_transaction_isolation = '\(isolation)'"]).map { "SET \($0)" }.joined(separator: "; ")
    static let begin = "BEGIN ISOLATION LEVEL \(isolation)"
    static let beginPooled = ([begin] + settings.map { "SET LOCAL \($0)" }).joined(separator: "; ")

    private static let tables =
        ["jobs", "results", "embedded", "audit", "counts"].map { "paligemma.\($0)" }.joined(separator: ", ")

    // MARK: The queue as a whole

    static let lockSchema = "SELECT pg_advisory_xact_lock(\(schemaLock))"
    /// It scans the catalog: functions such as to_regclass may remember that there was no such table.
    static let isThere = """
        SELECT EXISTS (SELECT FROM pg_catalog.pg_class AS class JOIN pg_catalog.pg_namespace AS schema
            ON schema.oid = class.relnamespace WHERE schema.nspname = 'paligemma' AND class.relname = 'queue')
        """
    /// Named in full, so that a role without rights on the schema is told so.
    static let schemaVersion = "SELECT schema_version FROM paligemma.queue"
    static let model = "SELECT fingerprint, model FROM queue"
    static let adopt = "UPDATE queue SET fingerprint = $1, model = $2 WHERE fingerprint IS NULL"
    static let counts = """
        SELECT \(JobState.allCases.map { "sum(\($0))::bigint" }.joined(separator: ", ")) FROM counts
        """
    static let recentRate = """
        SELECT count(*), coalesce(extract(epoch FROM queue_time() - min(finished_at)), 0)::float8
        FROM (SELECT finished_at FROM results ORDER BY number DESC LIMIT \(Rate.maximumResults)) AS latest
        WHERE finished_at > queue_time() - interval '60 seconds'
        """
    static let timeToNextReady = """
        SELECT (extract(epoch FROM least(
            (SELECT min(lease_deadline) FROM jobs WHERE state = 1), (SELECT min(not_before) FROM jobs WHERE state = 2)
        ) - queue_time()) * 1000000)::bigint
        """

    // MARK: Submitting

    static let lockSubmit = "SELECT pg_advisory_xact_lock(\(submitLock))"
    static let shareNumbering = "SELECT pg_advisory_xact_lock_shared(\(numberingLock))"
    static let insert = """
        INSERT INTO jobs (id, images, prompt, max_tokens, priority, options, picture, carried, service)
        SELECT id, images, prompt, max_tokens, priority, options, picture, nullif(carried, ''), nullif(service, '')
        FROM unnest($1::text[], $2::text[], $3::text[], $4::bigint[], $5::bigint[], $6::text[], $7::bigint[], $8::text[],
            $9::text[])
            WITH ORDINALITY AS given (id, images, prompt, max_tokens, priority, options, picture, carried, service, place)
        ORDER BY place ON CONFLICT ((md5(id))) DO NOTHING RETURNING sequence, id
        """
    static let known = """
        SELECT sequence, id, images, prompt, max_tokens, options, carried FROM jobs
        WHERE md5(id) IN (SELECT md5(given) FROM unnest($1::text[]) AS given)
        """
    static let replace = """
        WITH old_result AS (DELETE FROM results WHERE sequence = $1),
        old_bytes AS (DELETE FROM embedded WHERE sequence = $1)
        UPDATE jobs SET images = $2, prompt = $3, max_tokens = $4, priority = $5, options = $6, picture = $7, carried = $8,
            submitted_at = queue_time(), state = 0, attempts = 0, crashes = 0, suspect = false, \(noLease),
            not_before = NULL, error_code = NULL, error_message = NULL
        WHERE sequence = $1
        """
    static let embed = "INSERT INTO embedded (sequence, position, bytes) VALUES ($1, $2, $3)"
    static let forgetInvalid = """
        WITH invalid AS (SELECT sequence FROM jobs WHERE state = 4 AND error_code = $1 FOR UPDATE),
        old_result AS (DELETE FROM results USING invalid WHERE results.sequence = invalid.sequence)
        DELETE FROM jobs USING invalid WHERE jobs.sequence = invalid.sequence
        """

    // MARK: Leases

    /// What there is to know before a lease: whether leases have run out, whether pauses are over, whether this owner
    /// has a lease, whether one of a suspect job, and whether any suspect job and any other is ready. All that a world
    /// asks while there is nothing to do.
    static let look = """
        SELECT EXISTS (SELECT FROM jobs WHERE state = 1 AND lease_deadline <= queue_time()),
            EXISTS (SELECT FROM jobs WHERE state = 2 AND not_before <= queue_time()),
            EXISTS (SELECT FROM jobs WHERE state = 1 AND lease_owner = $1),
            EXISTS (SELECT FROM jobs WHERE state = 1 AND lease_owner = $1 AND suspect),
            EXISTS (SELECT FROM jobs WHERE state = 0 AND suspect),
            EXISTS (SELECT FROM jobs WHERE state = 0 AND NOT suspect)
        """
    /// The next jobs in their order, but those about one picture together, behind the first of them. The first ones are
    /// locked before the others are looked for, so that two worlds do not look for the same.
    static let claim = claim(
        picking: """
            heads AS MATERIALIZED (
                SELECT sequence, priority, picture FROM jobs WHERE state = 0 AND NOT suspect
                ORDER BY priority DESC, sequence LIMIT $1 FOR UPDATE SKIP LOCKED),
            picked AS MATERIALIZED (
                SELECT together.sequence, pictures.priority, pictures.first
                FROM (SELECT picture, priority, min(sequence) AS first FROM heads GROUP BY picture, priority
                    ORDER BY priority DESC, min(sequence)) AS pictures,
                LATERAL (SELECT sequence FROM jobs WHERE state = 0 AND NOT suspect AND picture = pictures.picture
                    AND priority = pictures.priority ORDER BY sequence LIMIT $1 FOR UPDATE SKIP LOCKED) AS together
                LIMIT $1)
            """, order: "priority DESC, first, sequence")
    /// The one with the fewest deaths first: the worst must not delay the others.
    static let claimSuspect = claim(
        picking: """
            picked AS (
                SELECT sequence, crashes FROM jobs WHERE state = 0 AND suspect
                ORDER BY crashes, sequence LIMIT $1 FOR UPDATE SKIP LOCKED)
            """, order: "crashes, sequence")
    /// What an earlier try of the same call got.
    static let claimed = """
        SELECT \(leaseColumns) FROM jobs
        WHERE state = 1 AND lease_owner = $1 AND lease_claim = $2
        """
    static let embedded = "SELECT sequence, position, bytes FROM embedded WHERE sequence = ANY($1::bigint[])"
    static let renew = """
        UPDATE jobs SET lease_deadline = queue_time() + $3 * interval '1 microsecond'
        FROM unnest($1::bigint[], $2::bigint[]) AS ours (sequence, token)
        WHERE jobs.sequence = ours.sequence AND jobs.lease_token = ours.token RETURNING jobs.sequence
        """
    static let release = """
        UPDATE jobs SET state = 0, attempts = attempts - 1, \(noLease)
        FROM unnest($1::bigint[], $2::bigint[]) AS ours (sequence, token)
        WHERE jobs.sequence = ours.sequence AND jobs.lease_token = ours.token
        """
    static let releaseWorld =
        "UPDATE jobs SET state = 0, attempts = attempts - 1, \(noLease) WHERE state = 1 AND lease_owner = $1"
    static let releaseAll = "UPDATE jobs SET state = 0, attempts = attempts - 1, \(noLease) WHERE state = 1"
    static let reclaimExpired = reclaim(where: "lease_deadline <= queue_time()", locking: "FOR UPDATE SKIP LOCKED")
    static let reclaimAll = reclaim(where: "true", locking: "FOR UPDATE")
    static let endPauses = """
        UPDATE jobs SET state = 0, not_before = NULL WHERE sequence IN (
            SELECT sequence FROM jobs WHERE state = 2 AND not_before <= queue_time()
            ORDER BY not_before LIMIT \(batch) FOR UPDATE SKIP LOCKED)
        """
    static let recordDeath = """
        WITH held AS (
            SELECT \(endColumns), suspect, CASE WHEN suspect THEN crashes + 1 ELSE crashes END AS deaths
            FROM jobs WHERE state = 1 AND lease_owner = $1 FOR UPDATE),
        judged AS (SELECT *, $5 AND deaths >= $2 AS is_poison FROM held),
        changed AS (
            UPDATE jobs SET state = CASE WHEN is_poison THEN 4 ELSE 0 END, suspect = true, crashes = deaths,
                attempts = jobs.attempts - CASE WHEN is_poison THEN 0 ELSE 1 END, \(noLease),
                error_code = CASE WHEN is_poison THEN $3 END, error_message = CASE WHEN is_poison THEN $4 END
            FROM judged WHERE jobs.sequence = judged.sequence),
        entered AS (\(enter(state: "4", from: "judged WHERE is_poison"))),
        written AS (
            INSERT INTO results (sequence, seconds, error_code, error_message)
            SELECT sequence, 0, $3, $4 FROM judged WHERE is_poison)
        SELECT id, is_poison, suspect FROM judged ORDER BY sequence
        """
    static let hasAnswered = """
        SELECT EXISTS (SELECT FROM (SELECT owner, state FROM audit ORDER BY number DESC LIMIT $2) AS latest
            WHERE owner = $1 AND state = 3)
        """
    static let holders = """
        SELECT lease_owner, count(*), bool_or(suspect) FROM jobs WHERE state = 1 GROUP BY lease_owner ORDER BY lease_owner
        """

    // MARK: Worlds

    static let announce = """
        INSERT INTO worlds (owner, record, seen_at) VALUES ($1, $2, queue_time())
        ON CONFLICT (owner) DO UPDATE SET record = $2, seen_at = queue_time()
        """
    static let forgetWorlds =
        "DELETE FROM worlds WHERE owner = $1 OR seen_at < queue_time() - $2 * interval '1 microsecond'"
    static let worlds = """
        SELECT owner, record, (extract(epoch FROM queue_time() - seen_at) * 1000000)::bigint FROM worlds
        ORDER BY owner
        """
    static let notify =
        "SELECT pg_notify(given.channel, given.message) FROM unnest($1::text[], $2::text[]) AS given (channel, message)"

    // MARK: Ends

    /// One number for the result and its entry in the audit.
    static let finish = """
        WITH ours AS (\(ours)),
        numbered AS MATERIALIZED (SELECT *, next_number() AS number FROM ours),
        closed AS (
            UPDATE jobs SET state = 3, \(noLease), error_code = NULL, error_message = NULL
            FROM ours WHERE jobs.sequence = ours.sequence),
        entered AS (
            INSERT INTO audit (number, sequence, id, state, token, owner, attempt)
            SELECT number, sequence, id, 3, lease_token, lease_owner, attempts FROM numbered),
        written AS (
            INSERT INTO results (number, sequence, text, tokens, logprobs, finish_reason, seconds, details)
            SELECT number, sequence, $3, $4, $5, $6, $7, $8 FROM numbered)
        SELECT sequence FROM numbered
        """
    /// Pauses by attempt, in microseconds, since the attempt is known only here.
    static let fail = """
        WITH ours AS (\(ours)),
        judged AS (SELECT *, CASE WHEN $3 OR attempts >= $4 THEN 4 ELSE 2 END AS next FROM ours),
        changed AS (
            UPDATE jobs SET state = next, \(noLease), error_code = $6, error_message = $7, not_before =
                CASE next WHEN 2 THEN queue_time() + ($5::bigint[])[judged.attempts] * interval '1 microsecond' END
            FROM judged WHERE jobs.sequence = judged.sequence),
        entered AS (\(enter(state: "4", from: "judged WHERE next = 4"))),
        written AS (
            INSERT INTO results (sequence, seconds, error_code, error_message)
            SELECT sequence, $8, $6, $7 FROM judged WHERE next = 4)
        SELECT next FROM judged
        """
    /// The state after a lease whose reply was lost: that of its audit entry, else the job's.
    static let endOfLease = """
        SELECT coalesce((SELECT state FROM audit WHERE token = $2), (SELECT state FROM jobs WHERE sequence = $1))::bigint,
            EXISTS (SELECT FROM audit WHERE token = $2)
        """
    /// Ends a job without checking its lease.
    static let end = """
        WITH ours AS (SELECT \(endColumns) FROM jobs WHERE sequence = $1 FOR UPDATE),
        \(endAll(state: 4, code: "$2", message: "$3"))
        SELECT sequence FROM ours
        """

    // MARK: Reading

    static let lastNumber = "SELECT last_value FROM numbers"
    /// Waits for all who have taken a number and are not done.
    static let awaitNumbering = "SELECT pg_advisory_xact_lock(\(numberingLock))"
    static let results = results(
        where: "results.number > $1 AND results.number <= $3 AND service IS NULL ORDER BY results.number LIMIT $2")
    static let sortedResults = results(
        where: "results.sequence > $1 AND service IS NULL ORDER BY results.sequence LIMIT $2")
    static let resultsOfJobs = results(where: "md5(jobs.id) IN (SELECT md5(given) FROM unnest($1::text[]) AS given)")
    static let latestResults = results(where: "service IS NULL ORDER BY results.number DESC LIMIT $1")
    static let image = """
        SELECT images, bytes IS NOT NULL, coalesce(bytes, '') FROM jobs
        LEFT JOIN embedded ON embedded.sequence = jobs.sequence AND position = $2
        WHERE md5(id) = md5($1)
        """
    static let state = "SELECT state FROM jobs WHERE md5(id) = md5($1)"
    static let audit = """
        SELECT number, sequence, id, state, token, owner, attempt FROM audit
        WHERE number > $1 AND number <= $3 ORDER BY number LIMIT $2
        """
    static let retryGroups = """
        SELECT error_code, count(*), max(error_message) FROM jobs WHERE state = 2
        GROUP BY error_code ORDER BY count(*) DESC, error_code
        """
    static let failureGroups = """
        SELECT error_code, count(*), max(error_message) FROM jobs WHERE state = 4
        GROUP BY error_code ORDER BY count(*) DESC, error_code
        """
    static let failedJobs = """
        SELECT sequence, id, error_code, error_message, attempts FROM jobs
        WHERE state = 4 AND sequence > $1 AND ($3::text IS NULL OR error_code = $3) ORDER BY sequence LIMIT $2
        """

    static let failedPictures = """
        SELECT sequence, id, images FROM jobs
        WHERE state = 4 AND error_code = $1 AND sequence > $2 ORDER BY sequence LIMIT $3
        """
    static let replacePictures = """
        UPDATE jobs SET images = given.images, picture = given.picture
        FROM unnest($1::bigint[], $2::text[], $3::bigint[]) AS given (sequence, images, picture)
        WHERE jobs.sequence = given.sequence AND jobs.state = 4
        """

    // MARK: Putting it in order

    // A job whose description is not valid has no pictures to retry it with.
    static let retryAll = retry(where: "state = 4 AND images <> '[]'")
    static let retryCancelled = retry(where: "state = 5")
    static let retryByCode = retry(where: "state = 4 AND error_code = $1 AND images <> '[]'")
    static let retryByID = retry(where: "state IN (4, 5) AND md5(id) = md5($1) AND images <> '[]'")
    static let cancelReady = cancel(where: "state = 0")
    static let cancelRetry = cancel(where: "state = 2")
    static let cancelLeased = cancel(where: "state = 1")
    static let cancelByCode = cancel(where: "state = 2 AND error_code = $3")
    static let cancelByID = cancel(where: "state IN (0, 1, 2) AND md5(id) = md5($3)")
    private static let oldEnough = "finished_at <= queue_time() - $1 * interval '1 microsecond'"
    static let purge = purge(
        "SELECT sequence FROM results WHERE \(oldEnough) ORDER BY number LIMIT \(batch) FOR UPDATE")
    static let purgeServed = purge(
        """
        SELECT results.sequence FROM jobs JOIN results ON results.sequence = jobs.sequence
        WHERE service IS NOT NULL AND \(oldEnough) LIMIT \(batch) FOR UPDATE OF results
        """)
    static let compact = "VACUUM (ANALYZE) \(tables)"

    private static func purge(_ old: String) -> String {
        """
        WITH old AS (\(old)),
        old_result AS (DELETE FROM results USING old WHERE results.sequence = old.sequence),
        old_bytes AS (DELETE FROM embedded USING old WHERE embedded.sequence = old.sequence),
        old_jobs AS (DELETE FROM jobs USING old WHERE jobs.sequence = old.sequence)
        SELECT count(*) FROM old
        """
    }

    /// Queries that count violations.
    static let invariants: [(sql: String, detail: String)] = [
        (
            """
            SELECT count(*) FROM (SELECT \(JobState.allCases.map { "sum(\($0)) AS \($0)" }.joined(separator: ", "))
                FROM counts) AS kept,
                (SELECT \(JobState.allCases.map {
                    "count(*) FILTER (WHERE state = \($0.rawValue)) AS \($0)"
                }.joined(separator: ", ")) FROM jobs) AS counted
            WHERE \(JobState.allCases.map { "kept.\($0) <> counted.\($0)" }.joined(separator: " OR "))
            """, "a counter differs from the jobs of its state"
        ),
        (
            """
            SELECT count(*) FROM jobs LEFT JOIN results ON results.sequence = jobs.sequence
            WHERE (jobs.state IN (3, 4, 5)) <> (results.sequence IS NOT NULL)
            """, "a job is finished without a result, or has one without being finished"
        ),
        ("SELECT count(*) FROM jobs WHERE (state = 1) <> (lease_token IS NOT NULL)", "a lease and its state disagree"),
        ("SELECT count(*) - count(DISTINCT token) FROM audit WHERE token IS NOT NULL", "a lease was answered twice"),
    ]
    static let oneSnapshot = """
        SET TRANSACTION ISOLATION LEVEL REPEATABLE READ; SET LOCAL enable_seqscan = on; SET LOCAL enable_bitmapscan = on
        """

    // MARK: Parts

    private static let noLease =
        "lease_token = NULL, lease_owner = NULL, lease_claim = NULL, lease_deadline = NULL"
    private static let endColumns = "sequence, id, attempts, lease_token, lease_owner"
    private static let ours =
        "SELECT \(endColumns) FROM jobs WHERE sequence = $1 AND lease_token = $2 FOR UPDATE"
    private static let leaseColumns = """
        jobs.sequence, jobs.lease_token, id, images, prompt, max_tokens, priority, options, attempts, suspect,
            EXISTS (SELECT FROM embedded WHERE embedded.sequence = jobs.sequence), service
        """

    /// Tokens are given in the order of the jobs.
    ///
    /// - Parameter picking: how the jobs are found; they are called `picked`.
    private static func claim(picking: String, order: String) -> String {
        """
        WITH \(picking),
        numbered AS MATERIALIZED (
            SELECT sequence, nextval('tokens') AS token FROM (SELECT sequence FROM picked ORDER BY \(order)) AS ordered)
        UPDATE jobs SET state = 1, attempts = attempts + 1, lease_token = numbered.token, lease_owner = $2,
            lease_claim = $3, lease_deadline = queue_time() + $4 * interval '1 microsecond'
        FROM numbered WHERE jobs.sequence = numbered.sequence RETURNING \(leaseColumns)
        """
    }

    /// $1: most attempts; $2: code; $3: message, with {owner} in it.
    private static func reclaim(where condition: String, locking: String) -> String {
        """
        WITH expired AS (
            SELECT \(endColumns), attempts >= $1 AS is_last FROM jobs WHERE state = 1 AND \(condition)
            ORDER BY lease_deadline LIMIT \(batch) \(locking)),
        changed AS (
            UPDATE jobs SET state = CASE WHEN is_last THEN 4 ELSE 0 END, suspect = true, \(noLease),
                error_code = CASE WHEN is_last THEN $2 END,
                error_message = CASE WHEN is_last THEN replace($3, '{owner}', expired.lease_owner) END
            FROM expired WHERE jobs.sequence = expired.sequence),
        entered AS (\(enter(state: "4", from: "expired WHERE is_last"))),
        written AS (
            INSERT INTO results (sequence, seconds, error_code, error_message)
            SELECT sequence, 0, $2, replace($3, '{owner}', lease_owner) FROM expired WHERE is_last)
        SELECT count(*) FROM expired
        """
    }

    private static func enter(state: String, from source: String) -> String {
        """
        INSERT INTO audit (sequence, id, state, token, owner, attempt)
        SELECT sequence, id, \(state), lease_token, lease_owner, attempts FROM \(source)
        """
    }

    /// Ends all jobs of `ours` without an answer.
    private static func endAll(state: Int, code: String, message: String) -> String {
        """
        closed AS (
            UPDATE jobs SET state = \(state), \(noLease), not_before = NULL, error_code = \(code),
                error_message = \(message)
            FROM ours WHERE jobs.sequence = ours.sequence),
        entered AS (\(enter(state: "\(state)", from: "ours"))),
        written AS (
            INSERT INTO results (sequence, seconds, error_code, error_message)
            SELECT sequence, 0, \(code), \(message) FROM ours)
        """
    }

    private static func cancel(where condition: String) -> String {
        """
        WITH ours AS (SELECT \(endColumns) FROM jobs WHERE \(condition) LIMIT \(batch) FOR UPDATE),
        \(endAll(state: 5, code: "$1", message: "$2"))
        SELECT count(*) FROM ours
        """
    }

    private static func retry(where condition: String) -> String {
        """
        WITH chosen AS (SELECT sequence FROM jobs WHERE \(condition) LIMIT \(batch) FOR UPDATE),
        old_result AS (DELETE FROM results USING chosen WHERE results.sequence = chosen.sequence),
        changed AS (
            UPDATE jobs SET state = 0, attempts = 0, crashes = 0, suspect = false, error_code = NULL,
                error_message = NULL
            FROM chosen WHERE jobs.sequence = chosen.sequence)
        SELECT count(*) FROM chosen
        """
    }

    private static func results(where clause: String) -> String {
        """
        SELECT results.number, jobs.sequence, jobs.id, jobs.images, jobs.prompt, queue.model,
            results.text, tokens, logprobs, finish_reason, seconds, results.error_code, results.error_message, details,
            carried
        FROM results JOIN jobs ON jobs.sequence = results.sequence CROSS JOIN queue
        WHERE \(clause)
        """
    }
}
