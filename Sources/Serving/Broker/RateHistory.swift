/// How many jobs a second were finished, over the last hour: a figure every half minute.
struct RateHistory: Sendable {
    static let interval = Duration.seconds(30)
    static let maximum = 120

    /// The oldest first.
    private(set) var rates: [Double] = []
    private var next: ContinuousClock.Instant?

    /// Takes the rate of now, where it is time for another figure.
    mutating func note(_ rate: Double, at now: ContinuousClock.Instant) {
        if let next, now < next { return }
        next = now + Self.interval
        rates.append(rate)
        if rates.count > Self.maximum { rates.removeFirst() }
    }
}
