import CPostgres
import Foundation
import Synchronization

/// A PostgreSQL server of the tests' own, from Debian's package: on a Unix socket in a temporary folder, without TCP,
/// as an ordinary user. It goes when this process does, however that ends.
package final class PostgresServer: @unchecked Sendable {
    // @unchecked: nothing changes after the start but the number of databases, which holds the lock.
    package struct Failure: Error, CustomStringConvertible {
        package let description: String
    }

    /// The folder of the socket and of everything else.
    package let folder: String
    private let programs: String
    /// While this end is open the watchdog waits.
    private var lifeline: Int32 = -1
    private let watchdog = Process()
    private let lock = NSLock()
    private var databases = 0
    private let poolers = Mutex<Set<Int>>([])

    private static let role = "paligemma"
    private static let started = Result { try PostgresServer() }

    /// Returns the server that all suites share. Each test has a database of its own in it.
    ///
    /// - Throws: `Failure` where no server can be started.
    package static func shared() throws -> PostgresServer { try started.get() }

    /// Starts a server with a folder of its own.
    ///
    /// - Throws: `Failure` where PostgreSQL is not installed or does not start.
    package init() throws {
        programs = try Self.programs()
        // Not in TMPDIR: the server's user must be able to go there, and a socket's path must be short.
        var template = Array("/tmp/paligemma-postgres-XXXXXX".utf8CString)
        guard mkdtemp(&template) != nil else { throw Failure(description: "cannot make a folder in /tmp") }
        folder = String(decoding: template.dropLast().map { UInt8(bitPattern: $0) }, as: UTF8.self)
        if let user = Self.serverUser {
            try check(Programs.run("chown", [user, folder]), doing: "giving \(folder) to \(user)")
        }
        try startWatchdog()
        let initialization = [
            "--pgdata", data, "--username", Self.role, "--auth", "trust", "--encoding", "UTF8", "--locale", "C",
            "--no-sync",
        ]
        try check(run("initdb", initialization), doing: "initdb")
        let settings = """

            listen_addresses = ''
            unix_socket_directories = '\(folder)'
            unix_socket_permissions = 0777
            max_connections = 200
            shared_buffers = 64MB
            fsync = off
            """
        try append(settings, to: data + "/postgresql.conf")
        // One role has to show a password.
        let access = "local all locked scram-sha-256\nlocal all all trust\n"
        try Data(access.utf8).write(to: URL(fileURLWithPath: data + "/pg_hba.conf"))
        try start()
        try PostgresConsole(address(of: "postgres")).run("CREATE ROLE locked LOGIN PASSWORD 'right'")
    }

    deinit {
        guard lifeline >= 0 else { return }
        close(lifeline)
        // It stops the server and removes the folder.
        watchdog.waitUntilExit()
    }

    private var data: String { folder + "/data" }

    /// Foundation knows a child's end by a socket that the child inherits; a server that stays must not keep it.
    private static let closingDescriptors =
        "for f in /proc/self/fd/*; do f=${f##*/}; ((f > 2)) && eval \"exec $f>&-\"; done; exec \"$@\""

    /// Starts the server, as the initializer does.
    ///
    /// - Throws: `Failure` with the server's log.
    package func start() throws {
        let start = ["\(programs)/pg_ctl", "--pgdata", data, "--log", folder + "/log", "--wait", "start"]
        let outcome = try run(["bash", "-c", Self.closingDescriptors, "bash"] + start)
        guard outcome.status == 0 else {
            let log = TextFile.read(folder + "/log") ?? ""
            throw Failure(description: "the PostgreSQL server of the tests did not start:\n\(outcome.output)\n\(log)")
        }
    }

    /// Kills every process of the server at once, as a power cut does. The next start has to repair the data.
    ///
    /// - Throws: `Failure` where that is not possible.
    package func kill() throws {
        try check(run("pg_ctl", ["--pgdata", data, "--mode", "immediate", "--wait", "stop"]), doing: "stopping")
    }

    /// Makes a database.
    ///
    /// - Returns: its address.
    /// - Throws: `Failure` where the server refuses.
    package func makeDatabase() throws -> String {
        let number = lock.withLock {
            databases += 1
            return databases
        }
        try PostgresConsole(address(of: "postgres")).run("CREATE DATABASE test_\(number)")
        return address(of: "test_\(number)")
    }

    package func address(of database: String) -> String { address(of: database, port: nil) }

    private func address(of database: String, port: Int?) -> String {
        let socket = folder.replacingOccurrences(of: "/", with: "%2F")
        return "postgres://\(Self.role)@\(socket)\(port.map { ":\($0)" } ?? "")/\(database)"
    }

    // MARK: A pooler before the server

    /// How long a pooler keeps a process of the server for one client.
    package enum PoolMode: Int {
        case transaction = 6432
        case statement
    }

    /// Returns the address of a database through PgBouncer, which gives each transaction (or statement) another of three
    /// processes of the server.
    ///
    /// - Parameter address: of the database in this server.
    /// - Throws: `Failure` where PgBouncer is not installed or does not start.
    package func pooled(_ address: String, mode: PoolMode = .transaction) throws -> String {
        try poolers.withLock { started in
            guard started.insert(mode.rawValue).inserted else { return }
            let settings = """
                [databases]
                * = host=\(folder) user=\(Self.role)
                [pgbouncer]
                listen_port = \(mode.rawValue)
                unix_socket_dir = \(folder)
                auth_type = any
                pool_mode = \(mode)
                default_pool_size = 3
                server_round_robin = 1
                max_client_conn = 500
                logfile = \(folder)/pgbouncer-\(mode).log
                pidfile = \(folder)/pgbouncer\(mode == .transaction ? "" : "-\(mode)").pid
                """
            let path = folder + "/pgbouncer-\(mode).ini"
            try Data(settings.utf8).write(to: URL(fileURLWithPath: path))
            let start = ["bash", "-c", Self.closingDescriptors + " >/dev/null 2>&1", "bash"]
            try check(run(start + ["/usr/sbin/pgbouncer", "--quiet", "--daemon", path]), doing: "starting PgBouncer")
        }
        let database = address.split(separator: "/").last.map(String.init) ?? ""
        return self.address(of: database, port: mode.rawValue)
    }

    // MARK: Programs

    /// PostgreSQL refuses to be run by the superuser.
    private static var serverUser: String? { geteuid() == 0 ? "postgres" : nil }

    private static func programs() throws -> String {
        let root = "/usr/lib/postgresql"
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
        guard let version = versions.max() else {
            throw Failure(description: "no PostgreSQL server below \(root); `make deps` installs it")
        }
        return "\(root)/\(version)/bin"
    }

    private func run(_ program: String, _ arguments: [String]) throws -> Programs.Outcome {
        try run(["\(programs)/\(program)"] + arguments)
    }

    private func run(_ command: [String]) throws -> Programs.Outcome {
        guard let user = Self.serverUser else {
            return try Programs.run(command[0], Array(command.dropFirst()), directory: "/tmp")
        }
        return try Programs.run("runuser", ["-u", user, "--"] + command, directory: "/tmp")
    }

    private func check(_ outcome: Programs.Outcome, doing: String) throws {
        guard outcome.status == 0 else {
            throw Failure(description: "\(doing) ended with \(outcome.status): \(outcome.output)\(outcome.errors)")
        }
    }

    private func append(_ text: String, to path: String) throws {
        let file = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        try file.seekToEnd()
        try file.write(contentsOf: Data(text.utf8))
    }

    /// A shell in a session of its own that sleeps on a pipe. The pipe breaks when this process is gone, also by
    /// SIGKILL; then the server is stopped and the folder removed.
    private func startWatchdog() throws {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Failure(description: "cannot make a pipe") }
        // No child may keep our end open.
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        lifeline = ends[1]
        let user = Self.serverUser.map { "runuser -u \($0) -- " } ?? ""
        let script = """
            cat >/dev/null; cd /tmp
            for pooler in '\(folder)'/pgbouncer*.pid; do [ -e "$pooler" ] && kill $(cat "$pooler"); done
            \(user)'\(programs)/pg_ctl' --pgdata '\(data)' --mode immediate --wait stop
            rm -rf '\(folder)'
            """
        watchdog.executableURL = URL(fileURLWithPath: "/usr/bin/env")
        watchdog.arguments = ["setsid", "sh", "-c", script]
        watchdog.standardInput = FileHandle(fileDescriptor: ends[0], closeOnDealloc: true)
        watchdog.standardOutput = FileHandle.nullDevice
        watchdog.standardError = FileHandle.nullDevice
        try watchdog.run()
    }
}

/// A connection for what tests do beside the queue.
package final class PostgresConsole {
    private let handle: OpaquePointer

    /// Connects to a database.
    ///
    /// - Throws: `PostgresServer.Failure` where that is not possible.
    package init(_ address: String) throws {
        guard let opened = PQconnectdb(address) else { throw PostgresServer.Failure(description: "out of memory") }
        handle = opened
        guard PQstatus(handle) == CONNECTION_OK else {
            throw PostgresServer.Failure(description: String(cString: PQerrorMessage(handle)))
        }
        PQsetNoticeProcessor(handle, { _, _ in }, nil)
    }

    deinit { PQfinish(handle) }

    /// Runs a statement.
    ///
    /// - Returns: the first column of the first row, as text.
    /// - Throws: `PostgresServer.Failure` where the statement fails.
    @discardableResult
    package func run(_ sql: String) throws -> String? {
        let result = PQexec(handle, sql)
        defer { PQclear(result) }
        let status = PQresultStatus(result)
        guard status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK else {
            throw PostgresServer.Failure(description: String(cString: PQerrorMessage(handle)))
        }
        return PQntuples(result) > 0 ? String(cString: PQgetvalue(result, 0, 0)) : nil
    }
}
