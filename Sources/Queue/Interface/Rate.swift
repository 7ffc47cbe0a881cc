/// The rate at which jobs are finished, from a fixed number of the latest results.
enum Rate {
    static let maximumResults = 1000
    /// The maximum age of the results, in seconds.
    static let window = 60.0

    /// - Parameters:
    ///   - finished: The number of results in the window, of the last thousand.
    ///   - secondsSinceOldest: The age of the oldest of them.
    static func perSecond(finished: Int, secondsSinceOldest: Double) -> Double {
        guard finished > 0 else { return 0 }
        let span = finished < maximumResults ? window : min(window, max(secondsSinceOldest, 1e-3))
        return Double(finished) / span
    }
}
