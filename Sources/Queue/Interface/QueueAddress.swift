/// The two forms of a queue's name: the path of a file, or the address of a database.
package enum QueueAddress {
    /// Returns whether a name is the address of a database.
    package static func isDatabase(_ name: String) -> Bool {
        name.hasPrefix("postgres://") || name.hasPrefix("postgresql://")
    }
}
