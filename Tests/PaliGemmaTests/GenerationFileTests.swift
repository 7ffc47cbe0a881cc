import DecodingSettings
import PaliGemma
import Tensor
import Testing

@Suite("generation_config.json is obeyed, or refused by name")
struct GenerationFileTests {
    private func configuration(_ text: String) throws -> ModelConfiguration {
        let editor = try CheckpointEditor()
        try editor.write()
        _ = try editor.folder.write(text, to: "generation_config.json")
        return try ModelConfiguration(directory: editor.directory)
    }

    /// The options of a job with those of the file.
    private func options(_ file: String, job: String = "{}") throws -> DecodingOptions {
        try DecodingOptions(text: job).completed(by: try configuration(file).generation)
    }

    @Test("The file of a released model changes nothing")
    func released() throws {
        let released = try configuration(
            #"{"_from_model_config": true, "bos_token_id": 2, "eos_token_id": 1, "pad_token_id": 0, "use_cache": true}"#
        )
        #expect(released.generation == DecodingDefaults() && released.endTokens == [1] && released.notes.isEmpty)
    }

    @Test("Its end tokens take the place of those of config.json")
    func endTokens() throws {
        #expect(try configuration(#"{"eos_token_id": [1, 107]}"#).endTokens == [1, 107])
        #expect(try configuration(#"{"eos_token_id": 5}"#).endTokens == [5])
        #expect(try configuration(#"{"eos_token_id": null}"#).endTokens == [1])
    }

    @Test("Its keys are the options of jobs that do not give them")
    func precedence() throws {
        let file = #"{"num_beams": 4, "length_penalty": 0.6, "repetition_penalty": 1.2, "suppress_tokens": [7]}"#
        let plain = try options(file)
        #expect(plain.beams == BeamSettings(count: 4, lengthPenalty: 0.6))
        #expect(plain.rules.repetitionPenalty == 1.2 && plain.rules.suppressed == [7])
        let own = try options(file, job: #"{"num_beams": 2, "repetition_penalty": 1.5, "suppress_tokens": []}"#)
        #expect(own.beams == BeamSettings(count: 2, lengthPenalty: 0.6))
        #expect(own.rules.repetitionPenalty == 1.5 && own.rules.suppressed == [])
        #expect(try options(file, job: #"{"num_beams": 1}"#).beams == nil)
        // Choices are scored as they are.
        let choices = try options(file, job: #"{"choices": ["a", "b"]}"#)
        #expect(choices.beams == nil && choices.rules == .none)
        #expect {
            _ = try options(file, job: #"{"stop": "x"}"#)
        } throws: { "\($0)".contains("generation_config.json: num_beams") }
    }

    @Test("Its keys of sampling hold for jobs that sample, and do_sample makes all sample")
    func sampling() throws {
        let keys = #""temperature": 0.6, "top_p": 0.9"#
        #expect(try options("{\(keys)}").sampling() == nil)
        #expect(
            try configuration("{\(keys)}").notes.first?.contains("temperature, top_p only for jobs that sample") == true
        )
        let asked = try options("{\(keys)}", job: #"{"top_k": 9}"#).sampling()
        #expect(asked == Sampling(temperature: 0.6, topK: 9, topP: 0.9))
        // transformers takes 50 where nothing is said.
        let all = try options("{\(keys), \"do_sample\": true}").sampling()
        #expect(all == Sampling(temperature: 0.6, topK: 50, topP: 0.9))
        #expect(try options("{\(keys), \"do_sample\": true}", job: #"{"temperature": 0}"#).sampling() == nil)
        #expect(try options(#"{"do_sample": true, "top_k": 0, "min_p": 0.1}"#).sampling() == Sampling(minP: 0.1))
        #expect {
            _ = try options(#"{"do_sample": true}"#, job: #"{"num_beams": 2}"#)
        } throws: { "\($0)".contains("do_sample") }
    }

    @Test("Every rule is read")
    func rules() throws {
        let rules = try options(
            #"{"sequence_bias": [[[5, 6], -1.5]], "no_repeat_ngram_size": 3, "bad_words_ids": [[7]], "min_length": 9, "#
                + #""forced_eos_token_id": 1, "remove_invalid_values": true, "begin_suppress_tokens": [2], "#
                + #""exponential_decay_length_penalty": [10, 1.05], "renormalize_logits": true}"#
        ).rules
        var expected = LogitRules()
        expected.biases = [.init(tokens: [5, 6], bias: -1.5)]
        expected.noRepeatNgram = 3
        expected.badWords = [[7]]
        expected.minimumLength = 9
        expected.forcedEnd = [1]
        expected.removesInvalid = true
        expected.suppressedFirst = [2]
        expected.decay = .init(start: 10, factor: 1.05)
        expected.renormalizes = true
        #expect(rules == expected)
        // min_new_tokens takes the place of min_length.
        let minimum = try options(#"{"min_length": 9, "min_new_tokens": 2}"#).rules
        #expect(minimum.minimumLength == 0 && minimum.minimumNewTokens == 2)
    }

    @Test("A length does not hold, because every job has one, and a note says so")
    func lengths() throws {
        let configuration = try configuration(#"{"max_new_tokens": 5, "max_length": 20}"#)
        #expect(
            configuration.notes == [
                "generation_config.json: max_new_tokens and max_length not used: every job has its max_tokens"
            ])
    }

    @Test(
        "What is not implemented is refused by name",
        arguments: [
            (#"{"guidance_scale": 1.5}"#, "guidance_scale"), (#"{"num_beam_groups": 2}"#, "num_beam_groups"),
            (#"{"penalty_alpha": 0.6}"#, "penalty_alpha"), (#"{"constraints": [1]}"#, "constraints"),
            (#"{"force_words_ids": [[1]]}"#, "force_words_ids"), (#"{"stop_strings": ["x"]}"#, "stop_strings"),
            (#"{"encoder_repetition_penalty": 1.1}"#, "encoder_repetition_penalty"),
            (#"{"encoder_no_repeat_ngram_size": 2}"#, "encoder_no_repeat_ngram_size"),
            (#"{"do_sample": true, "typical_p": 0.9}"#, "typical_p"),
            (#"{"do_sample": true, "num_beams": 2}"#, "do_sample"),
            (#"{"watermarking_config": {}}"#, "watermarking_config"), (#"{"dola_layers": "low"}"#, "dola_layers"),
            (#"{"num_beams": 99}"#, "num_beams"), (#"{"num_return_sequences": 2}"#, "num_return_sequences"),
            (#"{"eos_token_id": [1, 9999999]}"#, "eos_token_id"), (#"{"eos_token_id": "1"}"#, "eos_token_id"),
            (#"{"repetition_penalty": 0}"#, "repetition_penalty"), (#"{"bad_words_ids": [[9999999]]}"#, "9999999"),
            (#"{"do_sample": 1}"#, "do_sample"), ("[]", "no JSON object"), ("{", "not valid JSON"),
        ])
    func refused(text: String, word: String) {
        #expect {
            _ = try configuration(text)
        } throws: {
            let error = "\($0)"
            return error.contains("generation_config.json") && error.contains(word)
        }
    }

    @Test("Keys without effect, and values that change nothing, are taken")
    func neutral() throws {
        let text =
            #"{"guidance_scale": 1.0, "typical_p": 0.9, "num_beam_groups": 1, "stop_strings": null, "diversity_penalty": 0.0, "#
            + #""num_return_sequences": 1, "length_penalty": 1.0, "output_scores": true, "cache_implementation": "hybrid"}"#
        #expect(try configuration(text).notes.isEmpty)
        #expect(
            try configuration(#"{"my_key": 1, "other": null}"#).notes == [
                "generation_config.json: my_key not known, not used"
            ])
        let plain = try options(text)
        #expect(plain.beams == nil && plain.sampling() == nil && plain.rules == .none)
        #expect(try options(text, job: #"{"num_beams": 2, "num_return": 2}"#).beams?.returned == 2)
    }
}
