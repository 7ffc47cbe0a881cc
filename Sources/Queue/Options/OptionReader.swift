import Base
import PaliGemma

/// Reads and checks the members of a job's options.
struct OptionReader {
    typealias Fault = DecodingOptions.Fault

    private var members: [String: JSON]

    init(_ members: [JSON.Member]) {
        self.members = Dictionary(members.map { ($0.key, $0.value) }) { _, last in last }
        // An option that is null says nothing, and one beam is no search.
        for (key, value) in self.members where value == .null { self.members[key] = nil }
        if self.members["num_beams"] == .number("1") { self.members["num_beams"] = nil }
        if self.members["top_logprobs"] == .number("0") { self.members["top_logprobs"] = nil }
    }

    func has(_ key: String) -> Bool { members[key] != nil }
    func said(_ key: String) -> JSON? { members[key] }

    func integer(_ key: String, in range: ClosedRange<Int>) throws(Fault) -> Int? {
        guard let value = members[key] else { return nil }
        guard let number = value.integer else {
            throw Fault(reason: "\"\(key)\" must be a whole number below 2^63 and is \(described(value))")
        }
        guard range.contains(number) else {
            let bounds =
                range.upperBound == .max ? "\(range.lowerBound) or more" : "\(range.lowerBound) to \(range.upperBound)"
            throw Fault(reason: "\"\(key)\" is \(number); give \(bounds)")
        }
        return number
    }

    private func number(_ key: String, _ wanted: String, _ isValid: (Double) -> Bool) throws(Fault) -> Double? {
        guard let value = members[key] else { return nil }
        guard case .number(let text) = value, let number = Double(text), number.isFinite, isValid(number) else {
            throw Fault(reason: "\"\(key)\" is \(described(value)); give \(wanted)")
        }
        return number
    }

    private func described(_ value: JSON) -> String {
        switch value {
        case .number(let text): text
        case .string(let text): "\"\(text)\""
        case .bool(let value): "\(value)"
        default: value.kindName
        }
    }

    // MARK: Beams

    func beams() throws(Fault) -> BeamSettings? {
        let count = try integer("num_beams", in: 1...BeamSettings.most)
        let penalty = try number("length_penalty", "a number from -100 to 100, like 1.0") { abs($0) <= 100 }
        let early = try earlyStopping()
        guard let count else {
            for key in ["length_penalty", "early_stopping", "num_return"] where has(key) {
                throw Fault(
                    reason: "\"\(key)\" is for beams; give \"num_beams\" from 2 to \(BeamSettings.most) with it")
            }
            return nil
        }
        let returned = try integer("num_return", in: 1...Int.max) ?? 1
        guard returned <= count else {
            throw Fault(
                reason: "\"num_return\" is \(returned) and \"num_beams\" \(count); there are as many answers as beams")
        }
        return BeamSettings(
            count: count, lengthPenalty: penalty ?? 1, earlyStopping: early ?? .no, returned: returned)
    }

    private func earlyStopping() throws(Fault) -> BeamSettings.EarlyStopping? {
        switch members["early_stopping"] {
        case nil: return nil
        case .bool(let value)?: return value ? .yes : .no
        case .string("never")?: return .never
        case let value?:
            throw Fault(reason: "\"early_stopping\" is \(described(value)); give true, false or \"never\"")
        }
    }

    // MARK: Sampling

    func sampling() throws(Fault) -> Sampling? {
        let temperature = try number("temperature", "0, which is greedy, or a number from 0.001 to 100") {
            (0...100).contains($0) && ($0 == 0 || $0 >= 1e-3)
        }
        let topK = try integer("top_k", in: 0...Int.max)
        let topP = try number("top_p", "a number above 0, at most 1") { $0 > 0 && $0 <= 1 }
        let seed = try integer("seed", in: 0...Int.max)
        guard temperature != 0, temperature != nil || topK != nil || topP != nil || seed != nil else { return nil }
        return Sampling(
            temperature: temperature ?? 1, topK: min(topK ?? 0, Int(Int32.max)), topP: topP ?? 1,
            seed: UInt64(seed ?? 0))
    }

    // MARK: Ends

    func stop() throws(Fault) -> [String] {
        guard let value = members["stop"] else { return [] }
        let most = DecodingOptions.mostStops
        let texts = value.string.map { [$0] } ?? value.array?.compactMap(\.string) ?? []
        guard (1...most).contains(texts.count), texts.count == value.array?.count ?? 1, !texts.contains("") else {
            throw Fault(reason: "\"stop\" must be a text or a list of 1 to \(most) texts, none of them empty")
        }
        return texts
    }

    func repetition() throws(Fault) -> Repetition? {
        guard let value = members["stop_repetition"] else { return nil }
        let example = "like {\"ngram\": 8, \"times\": 3}"
        guard let parts = value.object, Set(parts.map(\.key)) == ["ngram", "times"],
            let longest = value["ngram"]?.integer, let times = value["times"]?.integer
        else { throw Fault(reason: "\"stop_repetition\" must have \"ngram\" and \"times\", \(example)") }
        guard (1...1000).contains(longest), (2...1000).contains(times) else {
            throw Fault(
                reason: "\"stop_repetition\" takes an \"ngram\" of 1 to 1000 tokens and 2 to 1000 \"times\", \(example)"
            )
        }
        return Repetition(longest: longest, times: times)
    }

    // MARK: Choices

    func choices() throws(Fault) -> [String] {
        guard let value = members["choices"] else { return [] }
        let example = "like [\"yes\", \"no\"]"
        guard let texts = value.array?.map(\.string), !texts.contains(nil) else {
            throw Fault(reason: "\"choices\" must be a list of texts, \(example)")
        }
        let choices = texts.compactMap(\.self)
        guard (2...DecodingOptions.mostChoices).contains(choices.count) else {
            throw Fault(
                reason: "\"choices\" has \(choices.count); give 2 to \(DecodingOptions.mostChoices), \(example)")
        }
        guard !choices.contains("") else { throw Fault(reason: "\"choices\" holds an empty text; leave it out") }
        var seen: Set<String> = []
        for choice in choices where !seen.insert(choice).inserted {
            throw Fault(reason: "\"choices\" holds \"\(choice)\" twice; leave one out")
        }
        return choices
    }

    func adapter() throws(Fault) -> String? {
        guard let value = members["adapter"] else { return nil }
        guard let name = value.string, !name.isEmpty else {
            throw Fault(reason: "\"adapter\" must be the name of an adapter")
        }
        return name
    }

    // MARK: Contradictions

    func refuseContradictions(isSampling: Bool) throws(Fault) {
        if has("choices") {
            for key in DecodingOptions.keys where !["choices", "adapter"].contains(key) && has(key) {
                throw Fault(
                    reason: "\"choices\" and \"\(key)\" contradict each other: given answers are scored, none is made; "
                        + "leave one out")
            }
        }
        guard has("num_beams") else { return }
        let random = isSampling ? ["temperature", "top_k", "top_p", "seed"] : []
        for key in random + ["stop", "stop_repetition", "top_logprobs"] where has(key) {
            let why = random.contains(key) ? "beams draw nothing" : "it is there without beams only"
            throw Fault(reason: "\"num_beams\" and \"\(key)\" contradict each other: \(why); leave one out")
        }
    }
}
