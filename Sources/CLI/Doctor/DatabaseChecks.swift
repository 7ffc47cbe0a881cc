import Base
import Queue

/// A queue in a database: what the server says, and whether a world can work with it.
package enum DatabaseCheck {
    /// What came of asking the server.
    package typealias Answer = Result<DatabaseInspection, QueueError>

    package static func judge(_ answer: Answer) -> Finding {
        switch answer {
        case .failure(let error):
            return Finding(.fail, error.description, advice: advice(for: error))
        case .success(let database):
            return .all(
                [
                    Finding(
                        .ok, "PostgreSQL \(version(database.version)), \(milliseconds(database.roundTrip)) a round trip"
                    )
                ] + faults(database) + [queue(database)])
        }
    }

    private static func advice(for error: QueueError) -> [String] {
        switch error {
        case .unreachable: ["look whether it runs and listens there: psql with the same address"]
        default: []
        }
    }

    private static func faults(_ database: DatabaseInspection) -> [Finding] {
        var findings: [Finding] = []
        if database.version < 120_000 {
            findings.append(Finding(.warn, "this version is not tested", "use PostgreSQL 12 or later"))
        }
        if database.isInRecovery {
            findings.append(
                Finding(
                    .fail, "it is a standby, which takes no writes",
                    "give the primary's address, or several hosts with target_session_attrs=read-write"))
        }
        let free = database.maximumConnections - database.openConnections
        if free < 4 {
            findings.append(
                Finding(
                    .warn, "\(max(0, free)) of \(database.maximumConnections) connections are free; a world takes two",
                    "raise max_connections, or end idle connections"))
        }
        if (1..<60_000).contains(database.idleSessionTimeout) {
            findings.append(
                Finding(
                    .note, "it closes connections that are idle for \(database.idleSessionTimeout / 1000) s",
                    "worlds open them again, at some cost: ALTER ROLE … SET idle_session_timeout = 0"))
        }
        if database.roundTrip > 0.05 {
            findings.append(
                Finding(.warn, "the round trip is long", "start the worlds near the server; every lease takes several"))
        }
        return findings
    }

    private static func queue(_ database: DatabaseInspection) -> Finding {
        guard let queue = database.queue else {
            return database.mayCreate
                ? Finding(.note, "it holds no queue yet", "`paligemma submit` makes it")
                : Finding(
                    .fail, "it holds no queue, and this role may not make one",
                    "GRANT CREATE ON DATABASE … TO this role, or submit as its owner")
        }
        let known = DatabaseInspection.knownSchema
        if queue.schema > known {
            return Finding(
                .fail, "its queue has schema \(queue.schema), newer than \(known)", "use the newer version here")
        }
        if !queue.missingRights.isEmpty {
            return Finding(
                .fail, "this role lacks \(queue.missingRights.joined(separator: ", "))",
                "let the owner of schema paligemma grant that to this role")
        }
        let older = queue.schema < known ? " (the next world raises it to \(known))" : ""
        return Finding(.ok, "its queue has schema \(queue.schema)\(older)")
    }

    /// Whether a pooler stands before the server.
    package static func judgePooler(_ answer: Answer) -> Finding {
        guard case .success(let database) = answer else { return .notChecked("the server did not answer") }
        guard database.isPooled else { return Finding(.ok, "no pooler: the connection is the server's own") }
        return Finding(
            .note, "a pooler stands before the server; worlds adapt, at the cost of some round trips",
            "give the address of the server itself where a few connections more are no matter")
    }

    /// The clocks of this machine and of the server.
    package static func judgeClock(_ answer: Answer) -> Finding {
        guard case .success(let database) = answer else { return .notChecked("the server did not answer") }
        let offset = database.clockOffset
        let text =
            "\(milliseconds(abs(offset))) \(offset < 0 ? "behind" : "ahead of") the server, "
            + "exact to \(milliseconds(database.roundTrip / 2))"
        guard abs(offset) - database.roundTrip / 2 > 5 else { return Finding(.ok, text) }
        return Finding(
            .warn, text,
            "let both machines keep the time: timedatectl, chronyc tracking. Leases go by the server's clock")
    }

    /// 150004 is 15.4.
    private static func version(_ number: Int) -> String { "\(number / 10_000).\(number % 10_000)" }

    static func milliseconds(_ seconds: Double) -> String {
        guard seconds.isFinite else { return "an unknown time" }
        if seconds >= 1 { return "\((seconds * 10).rounded() / 10) s" }
        return "\((seconds * 10_000).rounded() / 10) ms"
    }
}
