extension DecodingOptions {
    private static let maximumChoices = 1024
    private static let maximumChoiceBytes = 1 << 18
    private static let maximumStopBytes = 1 << 12
    private static let maximumTopLogprobs = 20
    private static let maximumStops = 16

    /// All decoding options, in the order in which messages, help and the options of a job list them.
    package static let table: [DecodingOption] = methods + LogitRuleOptions.table + others

    private static let methods: [DecodingOption] = [
        DecodingOption(
            "num_beams", .integer(in: 1...BeamSettings.maximumCount), { $0.beams.count = $1 }, .beamCount,
            help: "The number of beams of a beam search.", default: "1", valueName: "count", off: .number("1")),
        DecodingOption(
            "length_penalty", .number("a number from -100 to 100, like 1.0") { abs($0) <= 100 },
            { $0.beams.lengthPenalty = $1 },
            .beamSetting, help: "For beams: above 0 prefers long answers.", default: "1", valueName: "number"),
        DecodingOption(
            "early_stopping", .earlyStopping, { $0.beams.earlyStopping = $1 }, .beamSetting,
            help: "When a beam search ends: as soon as there are enough answers, or later.", default: "false",
            valueName: "true|false|never"),
        DecodingOption(
            "num_return", .integer(in: 1...Int.max), { $0.beams.returned = $1 }, .beamSetting,
            help: "The number of answers of a beam search.", default: "1", valueName: "count"),
        DecodingOption(
            "temperature",
            .number("0, which is greedy, or a number from 0.001 to 100") {
                (0...100).contains($0) && ($0 == 0 || $0 >= 1e-3)
            }, { $0.sampling.temperature = $1 }, .sampling,
            help: "Sample tokens at random; 0 is greedy.", default: "0", valueName: "number"),
        DecodingOption(
            "top_k", .integer(in: 0...Int.max), { $0.sampling.topK = min($1, Int(Int32.max)) }, .sampling,
            help: "Sample from this many most probable tokens.", default: "all", valueName: "count"),
        DecodingOption(
            "top_p", .number("a number above 0, at most 1") { $0 > 0 && $0 <= 1 }, { $0.sampling.topP = $1 }, .sampling,
            help: "Sample from the fewest tokens that have this probability together.", default: "1",
            valueName: "number"),
        DecodingOption(
            "min_p", .number("a number from 0 to 1") { (0...1).contains($0) }, { $0.sampling.minP = $1 }, .sampling,
            help: "Sample no token that is less probable than this part of the most probable one.", default: "0",
            valueName: "number"),
        DecodingOption(
            "seed", .integer(in: 0...Int.max), { $0.seed = UInt64($1) }, .sampling,
            help: "The seed of sampling.", default: "from each job's id", valueName: "number"),
    ]

    private static let others: [DecodingOption] = [
        DecodingOption(
            "stop", .texts(maximum: maximumStops, maximumBytes: maximumStopBytes), { $0.stop = $1 }, .oneAnswer,
            help: "End an answer before this text; may be given several times.", valueName: "text"),
        DecodingOption(
            "stop_repetition", .repetition, { $0.repetition = $1 }, .oneAnswer,
            help: "End an answer that repeats up to this many tokens this many times, like 8x3.",
            valueName: "ngramxtimes"),
        DecodingOption(
            "top_logprobs", .integer(in: 0...maximumTopLogprobs), { $0.topLogprobs = $1 }, .oneAnswer,
            help: "Report this many most probable tokens of every step.", default: "0", valueName: "count",
            neutral: .number("0")),
        DecodingOption(
            "choices", .choices(maximum: maximumChoices, maximumBytes: maximumChoiceBytes), { $0.choices = $1 },
            .choices,
            help: "Score these answers instead of generating one, with commas between; others in a jobs file.",
            valueName: "yes,no"),
        DecodingOption(
            "adapter", .name(of: "an adapter"), { $0.adapter = $1 }, .anyMethod, flag: "use-adapter",
            help: "The adapter that answers, of those that the workers have.", default: "none", valueName: "name"),
    ]
}
