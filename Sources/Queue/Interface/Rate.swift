/// How quickly jobs are finished, from the last results: a fixed number of rows, however many there are.
enum Rate {
    static let mostResults = 1000
    /// Seconds that are looked back at most.
    static let window = 60.0

    /// - Parameters:
    ///   - finished: results in the window, of the last thousand.
    ///   - secondsSinceOldest: age of the oldest of them.
    static func perSecond(finished: Int, secondsSinceOldest: Double) -> Double {
        guard finished > 0 else { return 0 }
        let span = finished < mostResults ? window : min(window, max(secondsSinceOldest, 1e-3))
        return Double(finished) / span
    }
}
