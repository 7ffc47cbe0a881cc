import Queue

/// A source of jobs to submit, which returns one after the other, so that a million need little memory.
package protocol JobSource: AnyObject {
    /// Returns the next job, nil at the end. A job that is not valid has a `fault`.
    ///
    /// - Throws: `unreadable` where the source itself cannot be read.
    func next() throws(QueueError) -> Job?

    /// What was passed over, ignored or chosen so far, a sentence each, for the person who submits.
    var notes: [String] { get }
}

extension JobSource {
    package var notes: [String] { [] }
}

/// Several sources, one after the other.
package final class JobSourceChain: JobSource {
    private let count: Int
    private let open: (Int) throws(QueueError) -> any JobSource
    private var index = 0
    private var current: (any JobSource)?
    /// What sources said that have ended; the same thing once.
    private var endedNotes: [String] = []
    private static let maximumNotes = 200

    /// - Parameters:
    ///   - count: The number of sources.
    ///   - open: Opens each by its number, from 0, when the one before it has ended.
    package init(count: Int, open: @escaping (Int) throws(QueueError) -> any JobSource) {
        (self.count, self.open) = (count, open)
    }

    /// Returns the next job of all.
    ///
    /// - Throws: What the sources throw.
    package func next() throws(QueueError) -> Job? {
        while true {
            if let current {
                if let job = try current.next() { return job }
                for note in current.notes where !endedNotes.contains(note) && endedNotes.count < Self.maximumNotes {
                    endedNotes.append(note)
                }
                self.current = nil
            }
            guard index < count else { return nil }
            current = try open(index)
            index += 1
        }
    }

    package var notes: [String] {
        endedNotes + (current?.notes ?? []).filter { !endedNotes.contains($0) }
            + (endedNotes.count == Self.maximumNotes ? ["there is more to say than the first \(endedNotes.count) notes"] : [])
    }
}
