/// Why an archive, a sample of it, or a list of archives cannot be read or written.
package struct ArchiveError: Error, CustomStringConvertible, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        /// The bytes break the rules of the format.
        case malformed
        /// The archive ends inside a member.
        case truncated
        /// The archive has a part that is not implemented here.
        case unsupported
        /// A size is beyond a limit.
        case tooLarge = "too_large"
        /// A field stands twice in one sample.
        case duplicate
        /// The archive cannot be written.
        case unwritable
    }

    package let code: Code
    /// What the error is about: the archive, with the member or the sample.
    package let place: String
    package let reason: String

    package init(_ code: Code, at place: String, _ reason: String) {
        self.code = code
        self.place = place
        self.reason = reason
    }

    package var description: String { "\(place): \(reason)" }
}
