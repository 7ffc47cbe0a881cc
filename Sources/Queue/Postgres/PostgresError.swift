/// An error between this process and the server, by what can be done about it.
enum PostgresError: Error {
    /// The connection is lost, or there was none: a new connection may work. The statement may have been executed.
    case lost(String)
    /// The transaction conflicted with another and was rolled back: it can be repeated.
    case conflict
    /// The error is final.
    case final(QueueError)

    /// Classifies the error of a statement.
    init(state: String, message: String, isConnected: Bool, queue: String, doing: String) {
        if message.contains("statement pooling mode") {
            let advice =
                "let the pooler keep a process of the server for a transaction at least (pool_mode = transaction), or give the "
                + "server's own address"
            self = .final(.refused(queue: queue, reason: message, advice: advice))
            return
        }
        // Without a code it is a message of libpq about the connection.
        guard isConnected, !state.isEmpty else {
            self = .lost(message)
            return
        }
        switch state {
        case "57P01", "57P02", "57P03", "57P05", "25P03", "53300": self = .lost(message)
        case "40001", "40P01", "55P03": self = .conflict
        case "53100": self = .final(.diskFull(queue: queue, doing: doing))
        case "XX001", "XX002": self = .final(.corrupt(queue: queue, detail: message))
        // A column or a function that is not there: somebody changed the tables.
        case "42703", "42883": self = .final(.corrupt(queue: queue, detail: message))
        case "3F000", "42P01": self = .final(.notAQueue(queue: queue))
        case "42501":
            let advice =
                "let its owner grant this role the use of the schema \(PostgresSchema.name) and what is in it, or CREATE on "
                + "the database, to make it"
            self = .final(.refused(queue: queue, reason: message, advice: advice))
        case "25006":
            let advice = "give the address of the primary server (target_session_attrs=read-write finds it)"
            self = .final(.refused(queue: queue, reason: message, advice: advice))
        case _ where state.hasPrefix("08"): self = .lost(message)
        default:
            self = .final(.failed(queue: queue, doing: doing, detail: "\(message) (SQLSTATE \(state))"))
        }
    }

    /// Classifies the error of a connection that could not be made. libpq gives no code for these, only its text.
    init(connecting message: String, queue: String) {
        if message.hasPrefix("invalid port") || message.hasPrefix("invalid integer") {
            self = .final(.badAddress(address: queue, reason: message))
            return
        }
        let known: [(mark: String, advice: String)] = [
            ("password authentication failed", Self.password), ("no password supplied", Self.password),
            ("authentication failed", "see that the role and its way to log in are those that pg_hba.conf expects"),
            ("no pg_hba.conf entry", "let pg_hba.conf on the server admit this machine, role and database"),
            ("role \"", "make the role on the server (createuser), or give another user in the address"),
            ("database \"", "make the database on the server (createdb), or give another one in the address"),
            ("permission denied for database", "let the database's owner grant CONNECT to this role"),
            ("server does not support SSL", Self.encryption), ("certificate", Self.encryption),
            ("SSL error", Self.encryption), ("sslmode", Self.encryption),
            ("session is read-only", "give the address of the primary server"),
        ]
        let starting = ["starting up", "shutting down", "recovery mode", "not yet accepting", "too many"]
        if !starting.contains(where: message.contains), let match = known.first(where: { message.contains($0.mark) }) {
            self = .final(.refused(queue: queue, reason: message, advice: match.advice))
        } else {
            self = .lost(message)
        }
    }

    private static let password = "put the password into ~/.pgpass or PGPASSWORD, and see that it is the right one"
    private static let encryption =
        "sslmode in the address says whether the connection is encrypted and how the server's certificate is checked"
}
