import Base

/// The two forms of a queue's name: the path of a file, or the address of a database.
package enum QueueAddress {
    /// Returns whether a name is the address of a database: a URL, or libpq's other form, `host=db user=me dbname=captions`.
    ///
    /// Any `word = value` at the beginning counts, also one that libpq does not know and then refuses: it would otherwise make
    /// a file whose name holds a password.
    package static func isDatabase(_ name: String) -> Bool {
        if name.hasPrefix("postgres://") || name.hasPrefix("postgresql://") { return true }
        let word = name.utf8.drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "'") }
        let key = word.prefix { isLetter($0) }
        let rest = word.dropFirst(key.count).drop { $0 == UInt8(ascii: " ") || $0 == UInt8(ascii: "'") }
        return !key.isEmpty && rest.first == UInt8(ascii: "=")
    }

    /// Returns whether a name that is no address may hold a password: `user:password@host`, `…password=…`.
    static func mayHoldPassword(_ name: String) -> Bool {
        if name.lowercased().contains("password") && name.contains("=") { return true }
        guard let at = name.utf8.firstIndex(of: UInt8(ascii: "@")), !FileSystem.exists(name) else { return false }
        return name.utf8[..<at].contains(UInt8(ascii: ":"))
    }

    private static func isLetter(_ byte: UInt8) -> Bool {
        (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte) || byte == UInt8(ascii: "_")
    }
}
