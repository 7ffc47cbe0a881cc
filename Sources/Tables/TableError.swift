/// Why a table cannot be read or written.
package struct TableError: Error, CustomStringConvertible, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        /// The bytes break the rules of the format.
        case malformed
        /// The file ends before its content does.
        case truncated
        /// The format has a part that is not implemented here.
        case unsupported
        /// A size is beyond a limit.
        case tooLarge = "too_large"
        /// The file is encrypted.
        case encrypted
        /// There is no such column, row or value.
        case missing
        /// A text is not UTF-8.
        case notUTF8 = "not_utf8"
        /// The file cannot be read or written.
        case unreadable
    }

    package let code: Code
    /// What the error is about: the file and the row, or the column.
    package let place: String
    package let reason: String

    package init(_ code: Code, at place: String, _ reason: String) {
        self.code = code
        self.place = place
        self.reason = reason
    }

    /// The beginnings of some names of columns, for a message.
    static func list(_ names: some Sequence<String>) -> String {
        names.prefix(50).map { $0.count > 100 ? $0.prefix(100) + "…" : $0 }.joined(separator: ", ")
    }

    package var description: String { place.isEmpty ? reason : "\(place): \(reason)" }
}
