import Base
import DecodingSettings
import Tensor

/// `generation_config.json`: what `generate()` of transformers does where a call says nothing. Each key is obeyed, has no
/// effect here, or is refused by name.
struct GenerationFile {
    /// The tokens any of which ends an answer; nil where the file has none.
    private(set) var endTokens: [Int]?
    private(set) var defaults = DecodingDefaults()
    /// Keys whose values do not hold here, with the reason.
    private(set) var notes: [String] = []

    /// The key of a job for each key of the file that is one.
    private static let optionKeys: [(file: String, option: String)] = [
        ("num_beams", "num_beams"), ("length_penalty", "length_penalty"), ("early_stopping", "early_stopping"),
        ("num_return_sequences", "num_return"), ("temperature", "temperature"), ("top_k", "top_k"), ("top_p", "top_p"),
        ("min_p", "min_p"), ("repetition_penalty", "repetition_penalty"),
        ("no_repeat_ngram_size", "no_repeat_ngram_size"), ("min_length", "min_length"),
        ("min_new_tokens", "min_new_tokens"), ("suppress_tokens", "suppress_tokens"),
        ("begin_suppress_tokens", "begin_suppress_tokens"), ("bad_words_ids", "bad_words_ids"),
        ("sequence_bias", "sequence_bias"), ("forced_eos_token_id", "forced_eos_token_id"),
        ("exponential_decay_length_penalty", "exponential_decay_length_penalty"),
        ("remove_invalid_values", "remove_invalid_values"), ("renormalize_logits", "renormalize_logits"),
    ]

    private static let samplingKeys: Set<String> = ["temperature", "top_k", "top_p", "min_p"]

    /// Keys that change answers in a way that is not implemented, with the values that change nothing beside null.
    private static let refused: [(key: String, neutral: [JSON])] = [
        ("encoder_repetition_penalty", [.number("1"), .number("1.0")]),
        ("encoder_no_repeat_ngram_size", [.number("0")]),
        ("guidance_scale", [.number("1"), .number("1.0")]), ("num_beam_groups", [.number("1")]),
        ("diversity_penalty", [.number("0"), .number("0.0")]), ("penalty_alpha", [.number("0"), .number("0.0")]),
        ("constraints", [.array([])]), ("force_words_ids", [.array([])]), ("stop_strings", [.array([]), .string("")]),
        ("watermarking_config", []), ("dola_layers", []), ("token_healing", [.bool(false)]), ("max_time", []),
        ("use_mtp", [.bool(false)]),
    ]

    /// Keys of sampling that are not implemented: they only count where answers are sampled.
    private static let refusedOfSampling: [(key: String, neutral: [JSON])] = [
        ("typical_p", [.number("1"), .number("1.0")]), ("epsilon_cutoff", [.number("0"), .number("0.0")]),
        ("eta_cutoff", [.number("0"), .number("0.0")]), ("top_h", [.number("1"), .number("1.0")]),
    ]

    /// Keys that change nothing about the answers of this model.
    private static let withoutEffect: Set<String> = [
        "_from_model_config", "_commit_hash", "transformers_version", "bos_token_id", "pad_token_id",
        "forced_bos_token_id", "decoder_start_token_id", "use_cache", "cache_implementation", "cache_config",
        "max_cache_len", "output_attentions", "output_hidden_states", "output_scores", "output_logits",
        "return_dict_in_generate", "return_legacy_cache", "compile_config", "disable_compile", "low_memory",
        "prefill_chunk_size", "continuous_batching_config", "is_assistant", "num_assistant_tokens",
        "num_assistant_tokens_schedule", "assistant_confidence_threshold", "assistant_early_exit",
        "assistant_lookbehind", "assistant_ensemble_weight", "target_lookbehind", "prompt_lookup_num_tokens",
        "max_matching_ngram_size", "speculation_type", "trust_remote_code",
    ]

    /// Reads the file's values.
    ///
    /// - Throws: ``UnsupportedValue`` for the first value that is not implemented.
    init(_ json: JSON) throws(UnsupportedValue) {
        guard let members = json.object else { throw UnsupportedValue(reason: "is no JSON object") }
        let values = Dictionary(members.map { (ExactText($0.key), $0.value) }) { _, last in last }
        func value(_ key: String) -> JSON? {
            let value = values[ExactText(key)]
            return value == .null ? nil : value
        }
        let samples = try Self.bool(value("do_sample"), "do_sample") ?? false
        for (key, neutral) in Self.refused + (samples ? Self.refusedOfSampling : []) {
            guard let given = value(key), !neutral.contains(given) else { continue }
            throw UnsupportedValue(reason: "\(key) is not implemented; take it out of the file to answer without it")
        }
        endTokens = try Self.tokens(value("eos_token_id"), "eos_token_id")
        var given: [JSON.Member] = []
        for (key, option) in Self.optionKeys {
            guard var value = value(key) else { continue }
            // Of sampling, and null or 0 in files: no cut.
            if key == "top_k", value.number == 0 { value = .number("0") }
            given.append(JSON.Member(key: option, value: value.withWholeNumber))
        }
        // min_new_tokens takes the place of min_length.
        if value("min_new_tokens") != nil { given.removeAll { $0.key == "min_length" } }
        // The default of transformers where a file asks for sampling and says nothing about it.
        if samples, value("top_k") == nil { given.append(JSON.Member(key: "top_k", value: .number("50"))) }
        if samples, value("temperature") == nil {
            given.append(JSON.Member(key: "temperature", value: .number("1.0")))
        }
        defaults = DecodingDefaults(given, samples: samples)
        try check()
        note(value, members.filter { $0.value != .null }.map(\.key))
    }

    /// Checks the options as jobs would have them that give nothing, and that give the least.
    private mutating func check() throws(UnsupportedValue) {
        let beams = defaults.members.first { $0.key == "num_beams" }?.value.integer ?? 1
        if defaults.samples, beams > 1 {
            throw UnsupportedValue(
                reason: "do_sample and num_beams \(beams): a beam search that samples is not implemented")
        }
        let answers = defaults.members.first { $0.key == "num_return" }?.value.integer ?? 1
        if answers > 1, beams <= 1 {
            throw UnsupportedValue(
                reason: "num_return_sequences is \(answers); several answers are implemented for a beam search only")
        }
        // A value of 1 is nothing to say, and must not stand in the way of a job's own beams.
        if answers == 1 { defaults.members.removeAll { $0.key == "num_return" } }
        do throws(DecodingOptionError) {
            for member in defaults.members {
                let isBeams = ["length_penalty", "early_stopping", "num_return"].contains(member.key)
                let beams = JSON.Member(key: "num_beams", value: .number("\(BeamSettings.maximumCount)"))
                _ = try DecodingOptions(isBeams ? [beams, member] : [member])
            }
            _ = try DecodingOptions().completed(by: defaults)
        } catch {
            throw UnsupportedValue(reason: error.reason)
        }
    }

    /// Notes what does not hold here.
    private mutating func note(_ value: (String) -> JSON?, _ keys: [String]) {
        let known = Self.withoutEffect.union(Self.optionKeys.map(\.file)).union(Self.refused.map(\.key))
            .union(Self.refusedOfSampling.map(\.key)).union([
                "eos_token_id", "do_sample", "max_new_tokens", "max_length",
            ])
        let unknown = keys.filter { !known.contains($0) }
        if !unknown.isEmpty {
            let names = unknown.prefix(5).joined(separator: ", ")
            notes.append("\(names)\(unknown.count > 5 ? " and others" : "") not known, not used")
        }
        let lengths = ["max_new_tokens", "max_length"].filter { value($0) != nil }
        if !lengths.isEmpty {
            notes.append("\(lengths.joined(separator: " and ")) not used: every job has its max_tokens")
        }
        if !defaults.samples {
            let keys = defaults.members.map(\.key).filter(Self.samplingKeys.contains)
            if !keys.isEmpty {
                notes.append("\(keys.joined(separator: ", ")) only for jobs that sample, because do_sample is not true")
            }
        }
    }

    private static func bool(_ value: JSON?, _ key: String) throws(UnsupportedValue) -> Bool? {
        guard let value else { return nil }
        guard let bool = value.bool else { throw UnsupportedValue(reason: "\(key) must be true or false") }
        return bool
    }

    private static func tokens(_ value: JSON?, _ key: String) throws(UnsupportedValue) -> [Int]? {
        guard let value else { return nil }
        let tokens = value.integer.map { [$0] } ?? value.array?.compactMap(\.integer) ?? []
        guard !tokens.isEmpty, tokens.count == value.array?.count ?? 1 else {
            throw UnsupportedValue(reason: "\(key) must be a token id or a list of token ids")
        }
        return tokens
    }
}

extension JSON {
    /// A number that is whole without its fraction of zeros, as Python writes 1.0 for some whole numbers.
    fileprivate var withWholeNumber: JSON {
        guard integer == nil, let number, let whole = Int(exactly: number), abs(whole) < 1 << 53 else { return self }
        return .number("\(whole)")
    }
}

extension ModelConfiguration {
    /// Reads `generation_config.json` of a model directory, where there is one.
    ///
    /// - Throws: ``ModelError`` with the code `configuration` where it is malformed, or asks for something that is not
    ///   implemented.
    mutating func readGeneration(_ directory: ModelDirectory) throws(ModelError) {
        let name = "generation_config.json"
        guard let json = try directory.json(name, .configuration) else { return }
        func fail(_ reason: String) -> ModelError { ModelError(.configuration, at: directory.file(name), reason) }
        do throws(UnsupportedValue) {
            let file = try GenerationFile(json)
            endTokens = file.endTokens ?? endTokens
            generation = file.defaults
            notes += file.notes.map { "\(name): \($0)" }
            try validate()
        } catch {
            throw fail(error.reason)
        }
        let rules = (try? DecodingOptions().completed(by: generation))?.rules ?? .none
        if let token = rules.token(outside: text.vocabulary) {
            throw fail("bad_words_ids or sequence_bias holds the token \(token), which is outside the vocabulary")
        }
    }
}
