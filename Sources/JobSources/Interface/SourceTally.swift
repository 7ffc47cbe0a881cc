import Base
import Queue

/// What all sources of a submission find together: which of the columns that a person named are in a row, and what could not
/// become a column. The sources of one submission share it with their ``JobTemplate``.
package final class SourceTally: Sendable {
    /// A column that a flag names.
    private struct Wanted: Hashable {
        let flag: String
        let column: ExactText
    }

    private struct State {
        /// Columns that no row has had until now, in the order in which they were named.
        var missing: [Wanted] = []
        var hasRows = false
        /// Whether `--image-folder` was given, and whether a row has had a name that begins there.
        var (isFolderGiven, isFolderUsed) = (false, false)
        /// The members of samples that are neither pictures nor texts, by their extension.
        var members: [String: Int] = [:]
    }

    private let state = Locked(State())
    /// More extensions are counted as others.
    private static let maximumExtensions = 1000
    /// More are not named.
    private static let maximumNames = 20

    package init() {}

    // MARK: What a person asks for

    /// Notes columns that a flag names, so that it is said at the end where no row has them.
    package func expect(_ columns: [String], flag: String) {
        state.withLock { $0.missing += columns.map { Wanted(flag: flag, column: ExactText($0)) } }
    }

    /// Notes that `--image-folder` was given.
    package func expectRelativeNames() { state.withLock { $0.isFolderGiven = true } }

    // MARK: What sources find

    /// Returns the columns of a flag that no row has had.
    func missing(_ flag: String) -> [ExactText] {
        state.withLock { state in state.missing.filter { $0.flag == flag }.map(\.column) }
    }

    /// Notes that there is a row.
    func foundRow() { state.withLock { $0.hasRows = true } }

    /// Notes that a row has a column that a flag names.
    func found(_ column: ExactText, flag: String) {
        state.withLock { $0.missing.removeAll { $0.flag == flag && $0.column == column } }
    }

    /// Notes that a row names a picture by a relative name.
    func foundRelativeName() { state.withLock { $0.isFolderUsed = true } }

    /// Counts a member of a sample that is neither a picture nor a text.
    func countMember(_ field: String) {
        state.withLock { state in
            let isKnown = state.members[field] != nil || state.members.count < Self.maximumExtensions
            state.members[isKnown ? field : "others", default: 0] += 1
        }
    }

    /// What to say at the end, a sentence each.
    package var notes: [String] {
        let state = state.withLock { $0 }
        var notes: [String] = []
        if !state.members.isEmpty {
            let sorted = state.members.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
            let names = sorted.prefix(Self.maximumNames).map { "\($0.key) \($0.value)" }
            notes.append(
                "members of samples that are no columns, as they are no texts or too large: "
                    + names.joined(separator: ", ") + (sorted.count > names.count ? ", …" : ""))
        }
        guard state.hasRows else { return notes }
        for flag in ["--columns", "--carry"] {
            let names = state.missing.filter { $0.flag == flag }.map { "\"\($0.column.text)\"" }
            guard !names.isEmpty else { continue }
            let list = names.prefix(Self.maximumNames).joined(separator: ", ")
            notes.append("\(flag): no row has a column\(flag == "--carry" ? " of its own" : "") called \(list)")
        }
        if state.isFolderGiven, !state.isFolderUsed {
            notes.append("--image-folder: no row names a picture by a relative name")
        }
        return notes
    }
}

/// The sources of a submission, which say at the end what they found together too.
package final class TalliedSource: JobSource {
    private let source: any JobSource
    private let tally: SourceTally

    /// - Parameter tally: That of the sources' template.
    package init(_ source: any JobSource, _ tally: SourceTally) { (self.source, self.tally) = (source, tally) }

    /// Returns the next job, nil at the end.
    ///
    /// - Throws: What the source throws.
    package func next() throws(QueueError) -> Job? { try source.next() }

    package var notes: [String] { source.notes + tally.notes }
}
