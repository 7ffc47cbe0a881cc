/// The two forms of a queue's name: the path of a file, or the address of a database.
package enum QueueAddress {
    /// Returns whether a name is the address of a database: a URL, or libpq's other form, `host=db user=me dbname=captions`.
    package static func isDatabase(_ name: String) -> Bool {
        if name.hasPrefix("postgres://") || name.hasPrefix("postgresql://") { return true }
        guard let equals = name.utf8.firstIndex(of: UInt8(ascii: "=")) else { return false }
        let key = String(name[..<equals]).filter { !$0.isWhitespace }
        return keywords.contains(key)
    }

    /// The keywords that libpq's other form may begin with.
    private static let keywords: Set<String> = [
        "host", "hostaddr", "port", "dbname", "user", "password", "passfile", "service", "sslmode", "options",
        "connect_timeout", "application_name", "target_session_attrs", "channel_binding", "client_encoding",
        "gssencmode",
        "requirepeer", "sslcert", "sslkey", "sslrootcert", "sslpassword", "krbsrvname", "keepalives",
    ]
}
