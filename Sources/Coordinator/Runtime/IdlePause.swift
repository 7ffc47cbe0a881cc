/// How long a world waits before it asks a queue again that had nothing: longer and longer, so that a thousand idle
/// worlds are no burden, but never so long that a person waits for the first answer to a fresh submission.
package struct IdlePause {
    /// Seconds.
    package static let shortest = 0.2
    /// Seconds.
    package static let longest = 2.0
    /// Pauses are shortened by a random part, so that worlds which became idle together do not ask together.
    private static let jitter = 0.75...1.0

    /// The next pause, in seconds.
    private var following = shortest

    package init() {}

    /// To be called when the queue had something.
    package mutating func reset() { following = Self.shortest }

    /// Returns the next pause, in seconds.
    ///
    /// - Parameter due: The time until a job that waits for its next attempt, or that another world has, can be ready,
    ///   in seconds; nil where there is none.
    package mutating func next(dueIn due: Double?) -> Double {
        let pause = following * Double.random(in: Self.jitter)
        following = min(2 * following, Self.longest)
        return due.map { min(pause, max(Self.shortest, $0)) } ?? pause
    }
}
