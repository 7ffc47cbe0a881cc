import Base

/// The options that change logits before a token is chosen (``LogitRules``).
enum LogitRuleOptions {
    /// The maximum number of token ids that one option holds.
    static let maximumTokens = 1 << 16

    static let table: [DecodingOption] = [
        DecodingOption(
            "repetition_penalty", .number("a number from 0.001 to 1000, like 1.2") { (1e-3...1e3).contains($0) },
            { $0.rules.repetitionPenalty = $1 }, .rule,
            help: "Above 1 makes tokens of the prompt and the answer so far less probable.", default: "1",
            valueName: "number", off: .number("1")),
        DecodingOption(
            "no_repeat_ngram_size", .integer(in: 0...Int(Int32.max)), { $0.rules.noRepeatNgram = $1 }, .rule,
            help: "No n-gram of this many tokens comes twice.", default: "0, any may", valueName: "count",
            off: .number("0")),
        DecodingOption(
            "min_length", .integer(in: 0...Int(Int32.max)), { $0.rules.minimumLength = $1 }, .rule,
            help: "No end before this many tokens, those of pictures and prompt included.", default: "0",
            valueName: "count", off: .number("0")),
        DecodingOption(
            "min_new_tokens", .integer(in: 0...Int(Int32.max)), { $0.rules.minimumNewTokens = $1 }, .rule,
            help: "No end before the answer has this many tokens.", default: "0", valueName: "count",
            off: .number("0")),
        DecodingOption(
            "suppress_tokens", .tokens, { $0.rules.suppressed = $1 }, .rule,
            help: "Ids of tokens that are never chosen, with commas between.", valueName: "5,7", off: .array([])),
        DecodingOption(
            "begin_suppress_tokens", .tokens, { $0.rules.suppressedFirst = $1 }, .rule,
            help: "Ids of tokens that no answer begins with.", valueName: "5,7", off: .array([])),
        DecodingOption(
            "bad_words_ids", .tokenLists, { $0.rules.badWords = $1 }, .rule,
            help: "Sequences of token ids that must not occur, as JSON.", valueName: "[[5],[7,8]]", off: .array([])),
        DecodingOption(
            "sequence_bias", .biases, { $0.rules.biases = $1 }, .rule,
            help: "Numbers that are added to the logits of tokens or ends of sequences, as JSON.",
            valueName: "[[[5],-2.5]]", off: .array([])),
        DecodingOption(
            "forced_eos_token_id", .tokens, { $0.rules.forcedEnd = $1 }, .rule,
            help: "Ids of tokens one of which ends an answer that reaches its maximum length.", valueName: "1",
            off: .array([])),
        DecodingOption(
            "exponential_decay_length_penalty", .decay, { $0.rules.decay = $1 }, .rule,
            help: "After how many tokens, and by what factor for each, an end becomes more probable, as JSON.",
            valueName: "[10,1.05]"),
        DecodingOption(
            "remove_invalid_values", .boolean, { $0.rules.removesInvalid = $1 }, .rule,
            help: "Replaces logits that are infinite or NaN.", default: "false", valueName: "true|false",
            off: .bool(false)),
        DecodingOption(
            "renormalize_logits", .boolean, { $0.rules.renormalizes = $1 }, .rule,
            help: "For beams: scores are normalized again after these options.", default: "false",
            valueName: "true|false", off: .bool(false)),
    ]
}

// MARK: Their values

extension DecodingOptionKind<Bool> {
    /// true or false.
    static var boolean: DecodingOptionKind {
        DecodingOptionKind(
            flagForm: "true or false", parse: { texts in texts.last.flatMap { Bool($0) }.map { .bool($0) } },
            read: { key, value throws(DecodingOptionError) in
                guard let value = value.bool else {
                    throw DecodingOptionError("\"\(key)\" is \(value.described); give true or false")
                }
                return value
            })
    }
}

extension DecodingOptionKind<[Int32]> {
    /// A token id, or a list of ids.
    static var tokens: DecodingOptionKind {
        DecodingOptionKind(
            flagForm: "token ids with commas between",
            parse: { texts in
                let ids = (texts.last ?? "").split(separator: ",", omittingEmptySubsequences: false).map { Int32($0) }
                return ids.contains(nil) ? nil : .array(ids.compactMap { $0 }.map { .number("\($0)") })
            },
            read: { key, value throws(DecodingOptionError) in
                guard let ids = value.tokenIDs ?? value.tokenID.map({ [$0] }),
                    ids.count <= LogitRuleOptions.maximumTokens
                else {
                    throw DecodingOptionError(
                        "\"\(key)\" must be a token id or a list of up to \(LogitRuleOptions.maximumTokens), like [5, 7]"
                    )
                }
                return ids
            })
    }
}

extension DecodingOptionKind {
    /// A value that a flag gives as JSON.
    ///
    /// - Parameters:
    ///   - wanted: What the value has to be, with an example, for a message.
    ///   - convert: Returns nil for any other value.
    private static func json(
        _ wanted: String, _ convert: @escaping @Sendable (JSON) -> Value?
    ) -> DecodingOptionKind {
        DecodingOptionKind(
            flagForm: wanted, parse: { texts in texts.last.flatMap { try? JSON(parsing: $0) } },
            read: { key, value throws(DecodingOptionError) in
                guard let result = convert(value) else { throw DecodingOptionError("\"\(key)\" must be \(wanted)") }
                return result
            })
    }
}

extension DecodingOptionKind<[[Int32]]> {
    /// Lists of token ids, none of them empty.
    static var tokenLists: DecodingOptionKind {
        json("lists of up to \(LogitRuleOptions.maximumTokens) token ids together, like [[5], [7, 8]]") { value in
            guard let lists = value.array?.map(\.tokenIDs), !lists.contains(where: { $0?.isEmpty ?? true }) else {
                return nil
            }
            let ids = lists.compactMap(\.self)
            return ids.reduce(0) { $0 + $1.count } <= LogitRuleOptions.maximumTokens ? ids : nil
        }
    }
}

extension DecodingOptionKind<[LogitRules.Bias]> {
    /// Pairs of token ids and a number.
    static var biases: DecodingOptionKind {
        json("pairs of token ids and a number, like [[[5], -2.5], [[7, 8], 1.0]]") { value in
            guard let pairs = value.array else { return nil }
            var biases: [LogitRules.Bias] = []
            var count = 0
            for pair in pairs {
                guard let parts = pair.array, parts.count == 2, let ids = parts[0].tokenIDs, !ids.isEmpty,
                    let bias = parts[1].number, Float(bias).isFinite
                else { return nil }
                count += ids.count
                biases.append(LogitRules.Bias(tokens: ids, bias: Float(bias)))
            }
            return count <= LogitRuleOptions.maximumTokens ? biases : nil
        }
    }
}

extension DecodingOptionKind<LogitRules.Decay> {
    /// `[10, 1.05]`.
    static var decay: DecodingOptionKind {
        json("a number of tokens and a factor above 0, like [10, 1.05]") { value in
            guard let parts = value.array, parts.count == 2, let start = parts[0].integer,
                (0...Int(Int32.max)).contains(start), let factor = parts[1].number, factor > 0, factor.isFinite
            else { return nil }
            return LogitRules.Decay(start: start, factor: factor)
        }
    }
}

extension JSON {
    fileprivate var tokenID: Int32? {
        guard let id = integer, (0...Int(Int32.max)).contains(id) else { return nil }
        return Int32(id)
    }

    /// Nil where one is no token id.
    fileprivate var tokenIDs: [Int32]? {
        guard let ids = array?.map(\.tokenID), !ids.contains(nil) else { return nil }
        return ids.compactMap(\.self)
    }
}
