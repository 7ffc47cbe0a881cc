extension QueueAddress {
    /// Returns an argument of a command line in which the address of a database has no password any more; nil where it
    /// has none.
    package static func hidden(inArgument argument: String) -> String? {
        for prefix in ["", "--queue="] where argument.hasPrefix(prefix) {
            let name = String(argument.dropFirst(prefix.count))
            // Other words with an equals sign are options of other kinds.
            guard name.contains("://") || mayHoldPassword(name) else { continue }
            let shown = masked(name)
            return shown.contains("***") ? prefix + shown : nil
        }
        return nil
    }

    /// Returns a name for messages, without any part of a password.
    package static func masked(_ name: String) -> String {
        isDatabase(name) || name.contains("://") || mayHoldPassword(name) ? PostgresAddress.masked(name) : name
    }
}
