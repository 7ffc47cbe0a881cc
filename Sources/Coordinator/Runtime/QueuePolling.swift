/// How long a world waits before it asks a queue again that had nothing: longer and longer, so that a thousand idle
/// worlds are no burden, but never so long that a person waits for the first answer to a fresh submission.
package struct IdlePause {
    /// Seconds.
    package static let shortest = 0.2
    package static let longest = 2.0
    /// Pauses are cut by a random part, so that worlds which became idle together do not ask together.
    private static let jitter = 0.75...1.0

    private var following = shortest

    package init() {}

    /// Something came.
    package mutating func reset() { following = Self.shortest }

    /// - Parameter due: seconds until a job that rests or that another has can be ready again; nil where there is none.
    /// - Returns: seconds.
    package mutating func next(dueIn due: Double?) -> Double {
        let pause = following * Double.random(in: Self.jitter)
        following = min(2 * following, Self.longest)
        return due.map { min(pause, max(Self.shortest, $0)) } ?? pause
    }
}
