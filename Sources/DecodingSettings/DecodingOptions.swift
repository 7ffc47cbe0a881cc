import Base

/// What a job says about how its answer is made: keys of a line of `jobs.jsonl` beside its pictures and its prompt, and
/// the object in its `options`. All options are described in ``table``.
package struct DecodingOptions: Sendable, Equatable {
    /// The keys of all options.
    package static let keys = table.map(\.key)

    private let values: DecodingValues
    /// What the options that were given are about.
    private let roles: Set<DecodingOption.Role>
    /// The options that were given, in the order of ``table``, without those that change nothing.
    let members: [JSON.Member]

    /// No options: greedy decoding, or what the checkpoint has for jobs that say nothing.
    package init() {
        values = DecodingValues()
        roles = []
        members = []
    }

    /// Reads and checks options.
    ///
    /// - Throws: ``DecodingOptionError`` for a value that is not valid, and for options that contradict each other.
    package init(_ members: [JSON.Member]) throws(DecodingOptionError) {
        let known = Set(Self.keys.map(ExactText.init))
        for member in members where !known.contains(ExactText(member.key)) {
            throw DecodingOptionError(
                "the option \"\(member.key)\" is not known; known are \(Self.keys.joined(separator: ", "))")
        }
        let given = Dictionary(members.map { (ExactText($0.key), $0.value) }) { _, last in last }
        var values = DecodingValues()
        var said: [(option: DecodingOption, value: JSON)] = []
        for option in Self.table {
            guard let value = given[ExactText(option.key)], value != .null, value != option.neutralValue else {
                continue
            }
            try option.read(value, &values)
            said.append((option, value))
        }
        let acting = said.filter { $0.value != $0.option.offValue }.map(\.option)
        self.values = values
        roles = Set(acting.map(\.role))
        self.members = said.map { JSON.Member(key: $0.option.key, value: $0.value) }
        try checkCombination(of: acting)
    }

    /// Reads the text in a job's options.
    ///
    /// - Throws: ``DecodingOptionError``, also where the text is not a JSON object.
    package init(text: String) throws(DecodingOptionError) {
        if text == "{}" {
            self.init()
            return
        }
        guard let members = (try? JSON(parsing: text))?.object else {
            throw DecodingOptionError("its options are no JSON object: \(text)")
        }
        try self.init(members)
    }

    /// Returns the options that the texts of flags mean, as a job would have them.
    ///
    /// - Parameter texts: What was given, by the name of the flag.
    /// - Throws: ``DecodingOptionError`` for a text that is no such value.
    package static func members(ofFlags texts: [String: [String]]) throws(DecodingOptionError) -> [JSON.Member] {
        var members: [JSON.Member] = []
        for option in table {
            guard let texts = texts[option.flag.name], !texts.isEmpty else { continue }
            members.append(JSON.Member(key: option.key, value: try option.parse(texts)))
        }
        return members
    }

    /// The options as they stand in a job: the same text for the same options.
    package var text: String {
        var writer = JSONWriter()
        writer.value(.object(members))
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}

// MARK: What they mean

extension DecodingOptions {
    /// Nil without beam search.
    package var beams: BeamSettings? { roles.contains(.beamCount) ? values.beams : nil }

    /// Nil without sampling.
    ///
    /// - Parameter seed: The seed of a job that gives none.
    package func sampling(seed: UInt64 = 0) -> Sampling? {
        guard roles.contains(.sampling), values.sampling.temperature != 0 else { return nil }
        var sampling = values.sampling
        sampling.seed = values.seed ?? seed
        return sampling
    }

    /// The texts before which an answer ends.
    package var stop: [String] { values.stop }
    package var repetition: Repetition? { values.repetition }
    package var topLogprobs: Int { values.topLogprobs }
    package var choices: [String] { values.choices }
    /// What becomes of logits before a token is chosen.
    package var rules: LogitRules { values.rules }
    /// The name of the adapter that answers; nil for the model as it is.
    package var adapter: String? { values.adapter }

    /// Returns how Gemma decodes the job.
    ///
    /// - Parameters:
    ///   - id: The job's id, from which its seed is made where it gives none: jobs sample differently, and the same job
    ///     always the same.
    ///   - tokens: Returns the tokens of a text.
    /// - Throws: ``DecodingOptionError`` for choices that have too many tokens together.
    package func decoding(id: String, tokens: (String) -> [Int32]) throws(DecodingOptionError) -> Decoding {
        var decoding = Decoding(topLogProbabilities: topLogprobs, repetition: repetition, rules: rules)
        if !choices.isEmpty {
            let choices = choices.map(tokens)
            let count = choices.reduce(0) { $0 + $1.count }
            guard count <= Decoding.maximumChoiceTokens else {
                throw DecodingOptionError(
                    "\"choices\" have \(count) tokens together; give fewer or shorter ones, with at most "
                        + "\(Decoding.maximumChoiceTokens)")
            }
            decoding.method = .choices(choices)
        } else if let beams {
            decoding.method = .beams(beams)
        } else if let sampling = sampling(seed: StableHash.fnv1a(of: id.utf8)) {
            decoding.method = .sampling(sampling)
        }
        return decoding
    }
}

// MARK: Contradictions

extension DecodingOptions {
    /// - Throws: ``DecodingOptionError`` for options that contradict each other, or that need another one.
    private func checkCombination(of given: [DecodingOption]) throws(DecodingOptionError) {
        func key(_ role: DecodingOption.Role) -> String? { given.first { $0.role == role }?.key }
        if let choices = key(.choices) {
            for other in given where other.role != .choices && other.role != .anyMethod {
                throw DecodingOptionError(
                    "\"\(choices)\" and \"\(other.key)\" contradict each other: given answers are scored, none is "
                        + "generated; leave one out")
            }
        }
        guard let beams else {
            if let setting = key(.beamSetting) {
                throw DecodingOptionError(
                    "\"\(setting)\" is for beams; give \"num_beams\" from 2 to \(BeamSettings.maximumCount) with it")
            }
            return
        }
        guard beams.returned <= beams.count else {
            throw DecodingOptionError(
                "\"num_return\" is \(beams.returned) and \"num_beams\" \(beams.count); there are as many answers as beams"
            )
        }
        let isSampling = sampling() != nil
        for other in given {
            let why: String
            switch other.role {
            case .sampling where isSampling: why = "a beam search samples nothing"
            case .oneAnswer: why = "it is implemented without beams only"
            default: continue
            }
            throw DecodingOptionError("\"num_beams\" and \"\(other.key)\" contradict each other: \(why); leave one out")
        }
    }
}
