import CPostgres

/// Where a queue on PostgreSQL is: `postgres://user@host:5432/database`, or `postgresql://…`, as libpq reads it. What
/// the address leaves out comes from libpq's own variables and files: PGPASSWORD, ~/.pgpass, PGSSLMODE, …
struct PostgresAddress: Sendable {
    /// As it was given, with its password.
    let url: String
    /// For messages: without it.
    let masked: String

    /// - Throws: `badAddress`.
    init(_ url: String) throws(QueueError) {
        self.url = url
        masked = Self.masked(url)
        var message: UnsafeMutablePointer<CChar>?
        guard let options = PQconninfoParse(url, &message) else {
            var reason = message.map { String(cString: $0) } ?? "out of memory"
            PQfreemem(message)
            // libpq repeats the address in some of its messages.
            for secret in Self.secrets(in: url) { reason = reason.replacing(secret, with: "***") }
            throw .badAddress(address: masked, reason: Self.tidy(reason))
        }
        PQconninfoFree(options)
    }

    /// The address with stars in place of passwords.
    static func masked(_ url: String) -> String {
        var masked = url
        for secret in secrets(in: url) { masked = masked.replacing(":\(secret)@", with: ":***@") }
        for secret in secrets(in: url) { masked = masked.replacing("password=\(secret)", with: "password=***") }
        return masked
    }

    /// Passwords in an address, as they are written there: between the user and the host, and among the options.
    private static func secrets(in url: String) -> [String] {
        guard let scheme = url.firstRange(of: "://") else { return [] }
        let rest = url[scheme.upperBound...]
        var secrets: [Substring] = []
        // A password may hold what an address should write as %40: everything up to the last @ is looked at.
        let authority = rest.prefix { $0 != "?" }
        if let at = authority.lastIndex(of: "@"), let colon = authority[..<at].firstIndex(of: ":") {
            secrets.append(authority[authority.index(after: colon)..<at])
        }
        if let question = rest.firstIndex(of: "?") {
            for option in rest[rest.index(after: question)...].split(separator: "&") {
                guard let equals = option.firstIndex(of: "="), option[..<equals].hasSuffix("password") else { continue }
                secrets.append(option[option.index(after: equals)...])
            }
        }
        return secrets.filter { !$0.isEmpty }.map(String.init)
    }

    /// A message of libpq's on one line.
    static func tidy(_ message: String) -> String {
        message.split(whereSeparator: \.isNewline).map { $0.trimmingPrefix("\t") }.joined(separator: "; ")
    }
}
