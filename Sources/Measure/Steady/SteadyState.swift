/// What a world does in steady state: between its ramp-up and its drain, of which neither counts.
///
/// Answers come in bursts, for sequences that began together end together. So a window of time begins with the end of a burst
/// and ends with the end of another one: it holds whole rounds of work.
package struct SteadyState: Sendable, Equatable, Encodable {
    /// Pictures that were answered until a time.
    package struct Progress: Sendable, Equatable {
        /// In seconds, by any clock.
        package let time: Double
        package let answered: Int

        package init(time: Double, answered: Int) {
            self.time = time
            self.answered = answered
        }
    }

    /// A piece of work of a rank.
    package struct Event: Sendable, Equatable {
        package enum Kind: String, Sendable, CaseIterable {
            case vision, prefill, decode
        }

        package let kind: Kind
        package let rank: Int
        /// In seconds, by the clock of the progress.
        package let start: Double
        package let end: Double
        /// Pictures of a micro-batch, or sequences.
        package let items: Int

        package init(kind: Kind, rank: Int, start: Double, end: Double, items: Int) {
            self.kind = kind
            self.rank = rank
            self.start = start
            self.end = end
            self.items = items
        }
    }

    /// The length of the window.
    package let seconds: Double
    /// Pictures that were answered in it.
    package let pictures: Int
    /// By what each stage did in the window: more or fewer pictures may be begun in it than are answered.
    package let picturesPerHour: Double
    /// Sequences that decode together, on average over the time of decoding.
    package let sequencesPerStep: Double
    /// The share of the window in which a rank with this stage encodes pictures, prefills or decodes, mean over these
    /// ranks. What is left is waiting.
    package let visionShare: Double
    package let prefillShare: Double
    package let decodeShare: Double

    /// Returns the figures of the longest window of whole rounds.
    ///
    /// - Parameters:
    ///   - progress: what was seen at one time after the other.
    ///   - inFlight: pictures that are in flight at most; the ramp-up lasts until as many were answered.
    ///   - events: of all ranks.
    /// - Returns: nil where no whole round was seen after the ramp-up.
    package init?(progress: [Progress], inFlight: Int, events: [Event]) {
        let bursts = Self.bursts(progress)
        guard let first = bursts.first(where: { $0.answered >= inFlight }), let last = bursts.last,
            last.time > first.time
        else { return nil }
        let window = first.time...last.time
        let length = last.time - first.time
        func overlap(_ event: Event) -> Double {
            max(0, min(event.end, window.upperBound) - max(event.start, window.lowerBound))
        }
        func share(_ kind: Event.Kind) -> Double {
            let own = events.filter { $0.kind == kind }
            let ranks = Set(own.map(\.rank)).count
            return ranks == 0 ? 0 : own.reduce(0) { $0 + overlap($1) } / length / Double(ranks)
        }
        /// Seconds that a rank of the stage was busy, and pictures that the stage did.
        func work(_ kind: Event.Kind, _ answered: Int) -> (seconds: Double, pictures: Double) {
            let own = events.filter { $0.kind == kind && $0.end > $0.start }
            let done = own.reduce(0) { $0 + Double($1.items) * overlap($1) / ($1.end - $1.start) }
            let ranks = Double(max(1, Set(own.map(\.rank)).count))
            // Every vision rank encodes other pictures; all Gemma ranks prefill and decode the same ones.
            let pictures = kind == .vision ? done : kind == .prefill ? done / ranks : Double(answered)
            return (share(kind) * length, pictures)
        }
        let answered = last.answered - first.answered
        let decoding = events.filter { $0.kind == .decode }
        let time = decoding.reduce(0) { $0 + overlap($1) }
        seconds = length
        pictures = answered
        // The time of a picture is the sum of what it takes in each stage.
        let stages = Event.Kind.allCases.map { work($0, answered) }.filter { $0.seconds > 0 && $0.pictures > 0 }
        let busy = stages.reduce(0) { $0 + $1.seconds }
        let ofPicture = stages.reduce(0) { $0 + $1.seconds / $1.pictures }
        picturesPerHour = (ofPicture > 0 ? busy / ofPicture : Double(answered)) / length * 3600
        sequencesPerStep = time > 0 ? decoding.reduce(0) { $0 + Double($1.items) * overlap($1) } / time : 0
        (visionShare, prefillShare, decodeShare) = (share(.vision), share(.prefill), share(.decode))
    }

    /// Returns whether the windows of this progress are long enough.
    ///
    /// - Parameters:
    ///   - seconds: the minimum length of the window.
    ///   - pictures: the minimum number of pictures in it.
    package static func isLongEnough(
        _ progress: [Progress], inFlight: Int, seconds: Double, pictures: Int
    ) -> Bool {
        guard let state = SteadyState(progress: progress, inFlight: inFlight, events: []) else { return false }
        return state.seconds >= seconds && state.pictures >= pictures
    }

    /// Returns the ends of the bursts of answers. A pause that is not short against the mean one ends a burst; the last burst
    /// counts only where such a pause was seen after it.
    private static func bursts(_ progress: [Progress]) -> [Progress] {
        var steps: [Progress] = []
        for entry in progress where entry.answered > (steps.last?.answered ?? 0) { steps.append(entry) }
        guard let end = progress.last?.time, steps.count > 1 else { return [] }
        let pauses = zip(steps, steps.dropFirst()).map { $1.time - $0.time }
        let minimum = pauses.reduce(0, +) / Double(pauses.count) / 4
        let closed = zip(steps, pauses).filter { $0.1 > minimum }.map(\.0)
        return end - steps[steps.count - 1].time > minimum ? closed + steps.suffix(1) : closed
    }
}
