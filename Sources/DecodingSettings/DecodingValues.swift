/// The values of the decoding options; where an option was not given, its default. ``DecodingOptions/table`` writes them.
struct DecodingValues: Sendable, Equatable {
    var beams = BeamSettings(count: 1)
    /// With a seed of 0; the seed that a job gives is ``seed``.
    var sampling = Sampling()
    /// Nil where the seed is made from the job's id.
    var seed: UInt64?
    var stop: [String] = []
    var repetition: Repetition?
    var rules = LogitRules()
    var topLogprobs = 0
    var choices: [String] = []
    var adapter: String?
}
