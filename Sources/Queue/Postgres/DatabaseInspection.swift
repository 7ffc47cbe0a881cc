import Foundation

/// What a database says of itself and of the queue in it, read without changing anything.
package struct DatabaseInspection: Sendable, Equatable {
    /// The queue in the database.
    package struct Queue: Sendable, Equatable {
        package let schema: Int
        /// As `adopt` stored it; nil before the first world.
        package let fingerprint: String?
        package let model: String?
        /// The rights that this role lacks, as "UPDATE on jobs".
        package let missingRights: [String]

        package init(schema: Int, fingerprint: String? = nil, model: String? = nil, missingRights: [String] = []) {
            self.schema = schema
            self.fingerprint = fingerprint
            self.model = model
            self.missingRights = missingRights
        }
    }

    /// The newest schema that this program knows.
    package static let knownSchema = PostgresSchema.version

    /// The server's version, as 150004 for 15.4.
    package var version: Int
    package var isInRecovery: Bool
    package var isPooled: Bool
    /// Seconds for a question and its answer, the best of five.
    package var roundTrip: Double
    /// Seconds that this machine's clock is ahead of the server's, exact to half of ``roundTrip``.
    package var clockOffset: Double
    /// Connections that the server takes from ordinary roles, and those that are open.
    package var maximumConnections: Int
    package var openConnections: Int
    /// Milliseconds after which the server closes a connection that is idle; 0 for never.
    package var idleSessionTimeout: Int
    /// Whether this role may make a queue where there is none.
    package var mayCreate: Bool
    /// Nil where there is none.
    package var queue: Queue?

    package init(
        version: Int, isInRecovery: Bool = false, isPooled: Bool = false, roundTrip: Double = 0.001,
        clockOffset: Double = 0, maximumConnections: Int = 100, openConnections: Int = 1, idleSessionTimeout: Int = 0,
        mayCreate: Bool = true, queue: Queue? = nil
    ) {
        self.version = version
        self.isInRecovery = isInRecovery
        self.isPooled = isPooled
        self.roundTrip = roundTrip
        self.clockOffset = clockOffset
        self.maximumConnections = maximumConnections
        self.openConnections = openConnections
        self.idleSessionTimeout = idleSessionTimeout
        self.mayCreate = mayCreate
        self.queue = queue
    }

    /// Connects once, without trying again.
    ///
    /// - Parameter timeout: Seconds to wait for the connection, from 2 on.
    /// - Throws: `badAddress`, `unreachable`, `refused`, `busy`, `failed`.
    package init(address: String, timeout: Int = 3) throws(QueueError) {
        let address = try PostgresAddress(address)
        do throws(PostgresError) {
            self = try Self.read(PostgresConnection(address, connectTimeout: timeout))
        } catch {
            switch error {
            case .final(let error): throw error
            case .lost(let reason): throw .unreachable(queue: address.masked, reason: reason)
            case .conflict: throw .busy(queue: address.masked, doing: Self.doing)
            }
        }
    }

    private static let doing = "inspecting it"

    private static func read(_ connection: PostgresConnection) throws(PostgresError) -> DatabaseInspection {
        guard let row = try connection.run(server, doing: doing).first else {
            throw .lost("the server did not say what it is")
        }
        var found = DatabaseInspection(
            version: Int(row.integer(0)), isInRecovery: row.flag(1), isPooled: connection.isPooled,
            maximumConnections: Int(row.integer(2)), openConnections: Int(row.integer(3)),
            idleSessionTimeout: Int(row.integer(4)), mayCreate: row.flag(5))
        (found.roundTrip, found.clockOffset) = try clock(connection)
        found.queue = try queue(connection)
        return found
    }

    /// Measures the round trip, and compares the clocks by the shortest one.
    private static func clock(_ connection: PostgresConnection) throws(PostgresError) -> (trip: Double, offset: Double)
    {
        var best = (trip: Double.infinity, offset: 0.0)
        for _ in 0..<5 {
            let start = ContinuousClock.now
            let before = Date().timeIntervalSince1970
            let row = try connection.run(
                "SELECT extract(epoch FROM pg_catalog.clock_timestamp())::float8", doing: doing
            ).first
            let trip = (ContinuousClock.now - start) / .seconds(1)
            if trip < best.trip { best = (trip, before + trip / 2 - (row?.real(0) ?? before)) }
        }
        return best
    }

    private static func queue(_ connection: PostgresConnection) throws(PostgresError) -> Queue? {
        guard try connection.run(PostgresStatements.isThere, doing: doing).first?.flag(0) == true,
            let schema = try connection.run(PostgresStatements.schemaVersion, doing: doing).first?.integer(0)
        else { return nil }
        let model = try connection.run("SELECT fingerprint, model FROM paligemma.queue", doing: doing).first
        let missing = try connection.run(rights, doing: doing).map { $0.text(0) }
        return Queue(
            schema: Int(schema), fingerprint: model?.textOrNil(0), model: model?.textOrNil(1), missingRights: missing)
    }

    private static let server = """
        SELECT current_setting('server_version_num')::bigint, pg_is_in_recovery(),
            current_setting('max_connections')::bigint - current_setting('superuser_reserved_connections')::bigint,
            (SELECT count(*) FROM pg_catalog.pg_stat_activity WHERE backend_type = 'client backend'),
            coalesce((SELECT setting::bigint FROM pg_catalog.pg_settings WHERE name = 'idle_session_timeout'), 0),
            has_database_privilege(current_database(), 'CREATE')
        """

    /// What a world does with the tables.
    private static let rights = """
        SELECT wanted.what || ' on ' || wanted.name
        FROM (VALUES ('queue', 'SELECT'), ('queue', 'UPDATE'), ('jobs', 'SELECT'), ('jobs', 'UPDATE'),
            ('results', 'INSERT'), ('audit', 'INSERT'), ('counts', 'UPDATE')) AS wanted (name, what)
        JOIN pg_catalog.pg_namespace AS schema ON schema.nspname = 'paligemma'
        JOIN pg_catalog.pg_class AS class ON class.relnamespace = schema.oid AND class.relname = wanted.name
        WHERE NOT has_table_privilege(class.oid, wanted.what)
        ORDER BY 1
        """
}
