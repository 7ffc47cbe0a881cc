import Base
import PaliGemma

/// What a job says of how its answer is made: the keys of a line of `jobs.jsonl` beside its pictures and its prompt, and
/// the object in its `options`.
package struct DecodingOptions: Sendable, Equatable {
    /// As they stand in messages and in a job's options, in that order.
    package static let keys = [
        "num_beams", "length_penalty", "early_stopping", "num_return", "temperature", "top_k", "top_p", "seed", "stop",
        "stop_repetition", "top_logprobs", "choices", "adapter",
    ]

    package static let mostChoices = 1024
    package static let mostTopLogprobs = 20
    package static let mostStops = 16

    /// What is wrong with an option, and what to do.
    package struct Fault: Error, Equatable {
        package var reason: String
    }

    package private(set) var beams: BeamSettings?
    /// Nil: greedy. Its seed is only good where ``hasSeed``.
    package private(set) var sampling: Sampling?
    package private(set) var hasSeed = false
    package private(set) var stop: [String] = []
    package private(set) var repetition: Repetition?
    package private(set) var topLogprobs = 0
    package private(set) var choices: [String] = []
    /// The name of the adapter that answers.
    package private(set) var adapter: String?
    /// What was said, in the order of ``keys``, without what says nothing.
    private var members: [JSON.Member] = []

    /// Nothing said: greedy.
    package init() {}

    /// - Throws: ``Fault`` for a value that cannot be, and for options that contradict each other.
    package init(_ members: [JSON.Member]) throws(Fault) {
        if members.isEmpty { return }
        for member in members where !Self.keys.contains(member.key) {
            throw Fault(
                reason: "the option \"\(member.key)\" is not known; known are \(Self.keys.joined(separator: ", "))")
        }
        let reader = OptionReader(members)
        beams = try reader.beams()
        sampling = try reader.sampling()
        hasSeed = reader.has("seed")
        stop = try reader.stop()
        repetition = try reader.repetition()
        topLogprobs = try reader.integer("top_logprobs", in: 0...Self.mostTopLogprobs) ?? 0
        choices = try reader.choices()
        adapter = try reader.adapter()
        try reader.refuseContradictions(isSampling: sampling != nil)
        self.members = Self.keys.compactMap { key in
            reader.said(key).map { JSON.Member(key: key, value: $0) }
        }
    }

    /// From the text in a job's options.
    package init(text: String) throws(Fault) {
        if text == "{}" {
            self.init()
            return
        }
        guard let members = (try? JSON(parsing: text))?.object else {
            throw Fault(reason: "its options are no JSON object: \(text)")
        }
        try self.init(members)
    }

    /// As it stands in a job's options: the same for the same options.
    package var text: String {
        var writer = JSONWriter()
        writer.value(.object(members))
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// How Gemma decodes the job.
    ///
    /// - Parameters:
    ///   - id: of the job, from which its seed is made where it has none.
    ///   - tokens: the ids of a text.
    package func decoding(id: String, tokens: (String) -> [Int32]) -> PaliGemma.Decoding {
        var decoding = PaliGemma.Decoding(topLogProbabilities: topLogprobs, repetition: repetition)
        if !choices.isEmpty {
            decoding.method = .choices(choices.map(tokens))
        } else if let beams {
            decoding.method = .beams(beams)
        } else if var sampling {
            if !hasSeed { sampling.seed = Self.seed(of: id) }
            decoding.method = .sampling(sampling)
        }
        return decoding
    }

    /// The seed of a job that gives none: two jobs sample differently, and one job samples the same each time.
    static func seed(of id: String) -> UInt64 { FNV1a.hash(of: id) }
}
