import ArgumentParser
import Base

/// How answers are made, for all jobs that do not say it themselves. The flags are called as the keys of a job, and are
/// checked where these are.
struct DecodingFlags: ParsableArguments {
    @Option(
        parsing: .unconditional,
        help: Variable.numBeams.help("Beam search with so many beams.", default: "1", valueName: "count"))
    var numBeams: Int?

    @Option(
        parsing: .unconditional,
        help: Variable.lengthPenalty.help("Of beams; above 0 prefers long answers.", default: "1", valueName: "number"))
    var lengthPenalty: Double?

    @Option(
        help: Variable.earlyStopping.help(
            "When beams end: as soon as there are enough answers, or later.", default: "false",
            valueName: "true|false|never"))
    var earlyStopping: String?

    @Option(
        parsing: .unconditional,
        help: Variable.numReturn.help("Answers of a beam search.", default: "1", valueName: "count"))
    var numReturn: Int?

    @Option(
        parsing: .unconditional,
        help: Variable.temperature.help("Draw tokens at random; 0 is greedy.", default: "0", valueName: "number"))
    var temperature: Double?

    @Option(
        parsing: .unconditional,
        help: Variable.topK.help("Draw from the so many most probable tokens.", default: "all", valueName: "count"))
    var topK: Int?

    @Option(
        parsing: .unconditional,
        help: Variable.topP.help(
            "Draw from the fewest tokens with this probability together.", default: "1", valueName: "number"))
    var topP: Double?

    @Option(
        parsing: .unconditional,
        help: Variable.seed.help("Of the draws.", default: "from each job's id", valueName: "number"))
    var seed: Int?

    @Option(help: Variable.stop.help("End an answer before this text; may be given several times.", valueName: "text"))
    var stop: [String] = []

    @Option(
        help: Variable.stopRepetition.help(
            "End an answer that repeats up to so many tokens so many times, like 8x3.", valueName: "ngramxtimes"))
    var stopRepetition: String?

    @Option(
        parsing: .unconditional,
        help: Variable.topLogprobs.help(
            "Tell the so many most probable tokens of every step.", default: "0", valueName: "count"))
    var topLogprobs: Int?

    @Option(
        help: Variable.choices.help(
            "Score these answers instead of making one, with commas between; others in a jobs file.",
            valueName: "yes,no"))
    var choices: String?

    @Option(
        help: Variable.useAdapter.help(
            "The adapter that answers, of those that the workers have.", default: "none", valueName: "name"))
    var useAdapter: String?

    /// As they would stand in a job.
    func members() throws -> [JSON.Member] {
        var members: [JSON.Member] = []
        func add(_ key: String, _ value: JSON?) {
            if let value { members.append(JSON.Member(key: key, value: value)) }
        }
        func number(_ value: (some CustomStringConvertible)?) -> JSON? { value.map { .number($0.description) } }
        add("num_beams", number(try Variable.numBeams.value(numBeams)))
        add("length_penalty", number(try Variable.lengthPenalty.value(lengthPenalty)))
        add("early_stopping", try Variable.earlyStopping.value(earlyStopping).map(Self.flag))
        add("num_return", number(try Variable.numReturn.value(numReturn)))
        add("temperature", number(try Variable.temperature.value(temperature)))
        add("top_k", number(try Variable.topK.value(topK)))
        add("top_p", number(try Variable.topP.value(topP)))
        add("seed", number(try Variable.seed.value(seed)))
        let stops = stop.isEmpty ? try Variable.stop.value(nil as String?).map { [$0] } ?? [] : stop
        add("stop", stops.isEmpty ? nil : .array(stops.map { .string($0) }))
        add("stop_repetition", try Variable.stopRepetition.value(stopRepetition).map(Self.repetition))
        add("top_logprobs", number(try Variable.topLogprobs.value(topLogprobs)))
        add(
            "choices",
            try Variable.choices.value(choices).map { text in
                .array(text.split(separator: ",", omittingEmptySubsequences: false).map { .string(String($0)) })
            })
        add("adapter", try Variable.useAdapter.value(useAdapter).map { .string($0) })
        return members
    }

    private static func flag(_ text: String) -> JSON {
        switch text {
        case "true": .bool(true)
        case "false": .bool(false)
        default: .string(text)
        }
    }

    private static func repetition(_ text: String) throws -> JSON {
        let parts = text.split(separator: "x", omittingEmptySubsequences: false)
        guard parts.count == 2, let ngram = Int(parts[0]), let times = Int(parts[1]) else {
            throw ValidationError("'--stop-repetition' is '\(text)'; give tokens and times, like 8x3.")
        }
        return .object([
            JSON.Member(key: "ngram", value: .number("\(ngram)")),
            JSON.Member(key: "times", value: .number("\(times)")),
        ])
    }
}
