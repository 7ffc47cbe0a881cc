/// How many jobs a second were finished, over the last hour: a figure every half minute.
package struct RateHistory: Sendable {
    package static let interval = Duration.seconds(30)
    package static let maximum = 120

    /// The oldest first.
    package private(set) var rates: [Double] = []
    private var next: ContinuousClock.Instant?

    package init() {}

    /// Takes the rate of now, where it is time for another figure.
    package mutating func note(_ rate: Double, at now: ContinuousClock.Instant) {
        if let next, now < next { return }
        next = now + Self.interval
        rates.append(rate)
        if rates.count > Self.maximum { rates.removeFirst() }
    }
}
