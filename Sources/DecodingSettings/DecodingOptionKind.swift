import Base

/// The values that a decoding option takes: how they are checked, and how the text of a flag becomes one.
struct DecodingOptionKind<Value: Sendable>: Sendable {
    /// What the text of a flag has to be, for a message.
    let flagForm: String
    var isList = false
    var isNumber = false
    /// Returns the JSON value that the texts of a flag mean; nil where they mean none. There is one text, unless the
    /// flag is a list.
    let parse: @Sendable ([String]) -> JSON?
    /// Checks the value of a key.
    let read: @Sendable (_ key: String, JSON) throws(DecodingOptionError) -> Value
}

extension DecodingOptionKind {
    /// A whole number.
    static func integer(in range: ClosedRange<Int>) -> DecodingOptionKind where Value == Int {
        DecodingOptionKind(
            flagForm: "a whole number", isNumber: true,
            parse: { texts in texts.last.flatMap { Int($0) }.map { .number("\($0)") } },
            read: { key, value throws(DecodingOptionError) in
                guard let number = value.integer else {
                    throw DecodingOptionError(
                        "\"\(key)\" must be a whole number below 2^63 and is \(value.described)")
                }
                guard range.contains(number) else {
                    let (lower, upper) = (range.lowerBound, range.upperBound)
                    let bounds = upper == .max ? "\(lower) or more" : "\(lower) to \(upper)"
                    throw DecodingOptionError("\"\(key)\" is \(number); give \(bounds)")
                }
                return number
            })
    }

    /// Any finite number.
    ///
    /// - Parameter wanted: The valid numbers, for a message.
    static func number(
        _ wanted: String, where isValid: @escaping @Sendable (Double) -> Bool
    ) -> DecodingOptionKind where Value == Double {
        DecodingOptionKind(
            flagForm: wanted, isNumber: true,
            parse: { texts in texts.last.flatMap { Double($0) }.map { .number($0.description) } },
            read: { key, value throws(DecodingOptionError) in
                guard let number = value.number, number.isFinite, isValid(number) else {
                    throw DecodingOptionError("\"\(key)\" is \(value.described); give \(wanted)")
                }
                return number
            })
    }

}

extension DecodingOptionKind<BeamSettings.EarlyStopping> {
    /// true, false or "never".
    static var earlyStopping: DecodingOptionKind {
        DecodingOptionKind(
            flagForm: "true, false or never",
            parse: { texts in
                texts.last.map { text in
                    switch text {
                    case "true": .bool(true)
                    case "false": .bool(false)
                    default: .string(text)
                    }
                }
            },
            read: { key, value throws(DecodingOptionError) in
                switch value {
                case .bool(let value): return value ? .yes : .no
                case .string("never"): return .never
                default:
                    throw DecodingOptionError("\"\(key)\" is \(value.described); give true, false or \"never\"")
                }
            })
    }

}

extension DecodingOptionKind {
    /// A text, or a list of texts.
    ///
    /// - Parameter maximumBytes: Of each.
    static func texts(maximum: Int, maximumBytes: Int) -> DecodingOptionKind where Value == [String] {
        DecodingOptionKind(
            flagForm: "a text", isList: true,
            parse: { texts in .array(texts.map { .string($0) }) },
            read: { key, value throws(DecodingOptionError) in
                let texts = value.string.map { [$0] } ?? value.array?.compactMap(\.string) ?? []
                guard (1...maximum).contains(texts.count), texts.count == value.array?.count ?? 1,
                    texts.allSatisfy({ (1...maximumBytes).contains($0.utf8.count) })
                else {
                    throw DecodingOptionError(
                        "\"\(key)\" must be a text or a list of 1 to \(maximum) texts, none of them empty or longer than "
                            + "\(maximumBytes) bytes")
                }
                return texts
            })
    }

    /// Different texts, of which there is a choice.
    static func choices(maximum: Int, maximumBytes: Int) -> DecodingOptionKind where Value == [String] {
        DecodingOptionKind(
            flagForm: "answers with commas between",
            parse: { texts in
                texts.last.map { text in
                    .array(text.split(separator: ",", omittingEmptySubsequences: false).map { .string(String($0)) })
                }
            },
            read: { key, value throws(DecodingOptionError) in
                let example = "like [\"yes\", \"no\"]"
                guard let texts = value.array?.map(\.string), !texts.contains(nil) else {
                    throw DecodingOptionError("\"\(key)\" must be a list of texts, \(example)")
                }
                let choices = texts.compactMap(\.self)
                guard (2...maximum).contains(choices.count) else {
                    throw DecodingOptionError("\"\(key)\" has \(choices.count); give 2 to \(maximum), \(example)")
                }
                guard !choices.contains(where: \.isEmpty) else {
                    throw DecodingOptionError("\"\(key)\" holds an empty text; leave it out")
                }
                // Every token has a byte at least, so more are not even tokenized.
                let bytes = choices.reduce(0) { $0 + $1.utf8.count }
                guard bytes <= maximumBytes else {
                    throw DecodingOptionError(
                        "\"\(key)\" have \(bytes) bytes together; give at most \(maximumBytes)")
                }
                var seen: Set<ExactText> = []
                for choice in choices where !seen.insert(ExactText(choice)).inserted {
                    throw DecodingOptionError("\"\(key)\" holds \"\(choice)\" twice; leave one out")
                }
                return choices
            })
    }

}

extension DecodingOptionKind<Repetition> {
    /// `{"ngram": 8, "times": 3}`; as a flag, 8x3.
    static var repetition: DecodingOptionKind {
        DecodingOptionKind(
            flagForm: "tokens and times, like 8x3",
            parse: { texts in
                let parts = texts.last?.split(separator: "x", omittingEmptySubsequences: false) ?? []
                guard parts.count == 2, let ngram = Int(parts[0]), let times = Int(parts[1]) else { return nil }
                return .object([
                    JSON.Member(key: "ngram", value: .number("\(ngram)")),
                    JSON.Member(key: "times", value: .number("\(times)")),
                ])
            },
            read: { key, value throws(DecodingOptionError) in
                let example = "like {\"ngram\": 8, \"times\": 3}"
                guard let parts = value.object, Set(parts.map(\.key)) == ["ngram", "times"],
                    let longest = value["ngram"]?.integer, let times = value["times"]?.integer
                else { throw DecodingOptionError("\"\(key)\" must have \"ngram\" and \"times\", \(example)") }
                guard (1...1000).contains(longest), (2...1000).contains(times) else {
                    throw DecodingOptionError(
                        "\"\(key)\" takes an \"ngram\" of 1 to 1000 tokens and 2 to 1000 \"times\", \(example)")
                }
                return Repetition(longest: longest, times: times)
            })
    }

}

extension DecodingOptionKind {
    /// The name of something.
    ///
    /// - Parameter what: "an adapter", for a message.
    static func name(of what: String) -> DecodingOptionKind where Value == String {
        DecodingOptionKind(
            flagForm: "the name of \(what)", parse: { texts in texts.last.map { .string($0) } },
            read: { key, value throws(DecodingOptionError) in
                guard let name = value.string, !name.isEmpty else {
                    throw DecodingOptionError("\"\(key)\" must be the name of \(what)")
                }
                return name
            })
    }
}

extension JSON {
    /// The value as a message shows it.
    var described: String {
        switch self {
        case .number(let text): text
        case .string(let text): "\"\(text)\""
        case .bool(let value): "\(value)"
        default: kindName
        }
    }
}
