/// Whether a world that died is started again, and when.
package struct RestartPolicy {
    package struct Limits: Sendable, Equatable {
        /// The number of deaths inside the window with which the supervisor gives up.
        package var maximumDeaths = 5
        package var window = Duration.seconds(600)
        /// The pause after a death; each further one in the window doubles it.
        package var firstPause = Duration.seconds(1)
        /// With the jitter and what a world takes to die, captions come again in less than half a minute.
        package var longestPause = Duration.seconds(16)
        /// The pause is multiplied by a random number in this range: worlds that died together, of a queue that went
        /// away, do not come back together.
        package var jitter = 0.5...1.5

        package init() {}
    }

    package enum Decision: Equatable {
        case restart(after: Duration)
        /// Too many deaths; what was seen, a line each.
        case giveUp(summary: [String])
    }

    private struct Death {
        let time: ContinuousClock.Instant
        let line: String
    }

    private let limits: Limits
    private var deaths: [Death] = []

    package init(_ limits: Limits = Limits()) {
        self.limits = limits
    }

    /// Forgets the deaths so far: they are explained, and will not come again.
    package mutating func forgive() { deaths.removeAll() }

    /// Decides after a death that a job explains, which is not counted: the next world starts after the first pause.
    package func excuse() -> Decision { .restart(after: limits.firstPause * Double.random(in: limits.jitter)) }

    /// Decides after a death.
    ///
    /// - Parameters:
    ///   - cause: what the world died of.
    ///   - lived: how long it had lived.
    ///   - when: the time of day, for people.
    package mutating func decide(
        at now: ContinuousClock.Instant, cause: DeathCause, lived: Duration, when: String
    ) -> Decision {
        deaths.removeAll { now - $0.time > limits.window }
        let seconds = lived.components.seconds
        deaths.append(Death(time: now, line: "\(when), after \(seconds) s: \(cause)"))
        if deaths.count >= limits.maximumDeaths { return .giveUp(summary: deaths.map(\.line)) }
        let doubled = limits.firstPause * (1 << min(deaths.count - 1, 20))
        return .restart(after: min(doubled, limits.longestPause) * Double.random(in: limits.jitter))
    }
}
