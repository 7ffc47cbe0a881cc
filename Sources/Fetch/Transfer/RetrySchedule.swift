/// When a fetch that failed is tried again.
struct RetrySchedule {
    let settings: FetchSettings

    /// Returns the seconds to wait before the next try; nil where there is none.
    ///
    /// - Parameters:
    ///   - failures: tries in a row that failed, this one included.
    ///   - retries: how many may follow the first.
    ///   - retryAfter: seconds for which the server asks; 0 for none.
    ///   - random: from 0 to 1, so that many worlds do not come back at the same time.
    func delay(after error: FetchError, failures: Int, retries: Int, retryAfter: Int, random: Double) -> Double? {
        guard error.mayHelpLater, failures <= retries else { return nil }
        let asked = Double(max(0, retryAfter))
        guard asked <= settings.longestRetryAfter else { return nil }
        let doubled = settings.retrySeconds * Double(1 << min(10, failures - 1))
        return max(asked, min(doubled, settings.longestRetryAfter) * (0.5 + random))
    }
}
