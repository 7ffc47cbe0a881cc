import Base
import DecodingSettings
import Testing

@Suite("The decoding options of a job")
struct DecodingOptionsTests {
    private func options(_ text: String) throws -> DecodingOptions { try DecodingOptions(text: text) }

    @Test("Valid options are read, and written the same for the same options")
    func good() throws {
        #expect(try options("{}") == DecodingOptions())
        #expect(try options("{}").text == "{}")
        let beams = try options(
            #"{"early_stopping": "never", "num_return": 2, "num_beams": 4, "length_penalty": -0.5}"#)
        #expect(beams.beams == BeamSettings(count: 4, lengthPenalty: -0.5, earlyStopping: .never, returned: 2))
        #expect(
            beams.text == #"{"num_beams":4,"length_penalty":-0.5,"early_stopping":"never","num_return":2}"#)
        #expect(try options(beams.text) == beams)
        let sampling = try options(#"{"top_p": 0.9, "top_k": 40, "temperature": 0.7, "seed": 7, "top_logprobs": 3}"#)
        #expect(sampling.sampling() == Sampling(temperature: 0.7, topK: 40, topP: 0.9, seed: 7))
        #expect(sampling.topLogprobs == 3 && sampling.beams == nil)
        #expect(try options(#"{"top_k": 5}"#).sampling() == Sampling(topK: 5))
        let ends = try options(#"{"stop": "\n", "stop_repetition": {"times": 3, "ngram": 8}}"#)
        #expect(ends.stop == ["\n"] && ends.repetition == Repetition(longest: 8, times: 3))
        #expect(try options(#"{"stop": ["a", "b"]}"#).stop == ["a", "b"])
        #expect(try options(#"{"choices": ["yes", "no"]}"#).choices == ["yes", "no"])
    }

    @Test("An option that changes nothing is the same as none")
    func nothing() throws {
        for text in [#"{"top_logprobs": 0}"#, #"{"stop": null, "choices": null}"#] {
            #expect(try options(text).text == "{}", "\(text)")
        }
        // A checkpoint may have beams for jobs that say nothing, so 1 is kept.
        let one = try options(#"{"num_beams": 1}"#)
        #expect(one.text == #"{"num_beams":1}"# && one.beams == nil)
        #expect(try options(#"{"temperature": 0}"#).sampling() == nil)
        #expect(try options(#"{"temperature": 0, "top_p": 0.5, "num_beams": 2}"#).beams != nil)
    }

    @Test(
        "An option that is not valid is refused, and the message says what to give",
        arguments: [
            (#"{"num_beams": 0}"#, "\"num_beams\" is 0; give 1 to 16"),
            (#"{"num_beams": 100}"#, "\"num_beams\" is 100; give 1 to 16"),
            (#"{"num_beams": 2.5}"#, "\"num_beams\" must be a whole number below 2^63 and is 2.5"),
            (#"{"num_beams": "2"}"#, "whole number"),
            (#"{"num_beams": 2, "num_return": 3}"#, "\"num_return\" is 3 and \"num_beams\" 2"),
            (#"{"num_beams": 2, "num_return": 0}"#, "\"num_return\" is 0; give 1 or more"),
            (#"{"length_penalty": 1}"#, "give \"num_beams\" from 2 to 16 with it"),
            (#"{"num_beams": 1, "num_return": 1}"#, "\"num_return\" is for beams"),
            (#"{"num_beams": 2, "length_penalty": "long"}"#, "\"length_penalty\" is \"long\"; give a number"),
            (#"{"num_beams": 2, "length_penalty": 1e9}"#, "\"length_penalty\" is 1e9"),
            (#"{"num_beams": 2, "early_stopping": "sometimes"}"#, "give true, false or \"never\""),
            (#"{"num_beams": 2, "temperature": 0.5}"#, "\"num_beams\" and \"temperature\" contradict each other"),
            (#"{"num_beams": 2, "seed": 1}"#, "contradict"),
            (#"{"num_beams": 2, "stop": "x"}"#, "contradict"),
            (#"{"num_beams": 2, "top_logprobs": 2}"#, "contradict"),
            (#"{"temperature": -1}"#, "\"temperature\" is -1; give 0"),
            (#"{"temperature": 1e-9}"#, "\"temperature\" is 1e-9"),
            (#"{"temperature": true}"#, "\"temperature\" is true"),
            (#"{"top_p": 0}"#, "\"top_p\" is 0; give a number above 0, at most 1"),
            (#"{"top_p": 2}"#, "\"top_p\" is 2"),
            (#"{"top_k": -1}"#, "\"top_k\" is -1; give 0 or more"),
            (#"{"seed": -1}"#, "\"seed\" is -1"),
            (#"{"stop": []}"#, "\"stop\" must be a text or a list"),
            (#"{"stop": ""}"#, "none of them empty"),
            (#"{"stop": ["a", 1]}"#, "\"stop\" must be"),
            (#"{"stop": 1}"#, "\"stop\" must be"),
            (#"{"stop_repetition": 3}"#, "\"ngram\" and \"times\""),
            (#"{"stop_repetition": {"ngram": 3}}"#, "\"ngram\" and \"times\""),
            (#"{"stop_repetition": {"ngram": 3, "times": 1}}"#, "2 to 1000 \"times\""),
            (#"{"top_logprobs": 21}"#, "\"top_logprobs\" is 21; give 0 to 20"),
            (#"{"choices": ["yes"]}"#, "\"choices\" has 1; give 2 to 1024"),
            (#"{"choices": []}"#, "\"choices\" has 0"),
            (#"{"choices": ["yes", "no", "yes"]}"#, "\"choices\" holds \"yes\" twice"),
            (#"{"choices": ["yes", ""]}"#, "empty"),
            (#"{"choices": "yes"}"#, "a list of texts"),
            (#"{"choices": ["yes", 1]}"#, "a list of texts"),
            (#"{"choices": ["yes", "no"], "temperature": 1}"#, "\"choices\" and \"temperature\" contradict"),
            (#"{"choices": ["yes", "no"], "num_beams": 2}"#, "\"choices\" and \"num_beams\" contradict"),
            (#"{"repetition_penalty": 0}"#, "\"repetition_penalty\" is 0"),
            (#"{"no_repeat_ngram_size": -1}"#, "give 0 to"),
            (#"{"suppress_tokens": [1.5]}"#, "token id"), (#"{"suppress_tokens": [-1]}"#, "token id"),
            (#"{"suppress_tokens": [99999999999]}"#, "token id"), (#"{"bad_words_ids": [[]]}"#, "lists of"),
            (#"{"sequence_bias": [[[1]]]}"#, "pairs"), (#"{"sequence_bias": [[[1], 1e99]]}"#, "pairs"),
            (#"{"exponential_decay_length_penalty": [1]}"#, "factor"),
            (#"{"remove_invalid_values": 1}"#, "true or false"),
            (#"{"min_p": 2}"#, "\"min_p\" is 2"),
            (#"{"choices": ["a", "b"], "repetition_penalty": 2}"#, "contradict"),
            (#"{"beams": 2}"#, "the option \"beams\" is not known; known are num_beams, length_penalty"),
            ("[]", "no JSON object"),
        ])
    func bad(text: String, reason: String) {
        #expect {
            _ = try options(text)
        } throws: { ($0 as? DecodingOptionError)?.reason.contains(reason) == true }
    }

    @Test("Choices that differ in normalization only are two")
    func exactChoices() throws {
        let choices = try options(#"{"choices": ["caf\u00e9", "cafe\u0301"]}"#).choices
        #expect(choices.map { Array($0.utf8).count } == [5, 6])
        let key = #"{"\u212Aey": 1}"#
        #expect(throws: DecodingOptionError.self) { try options(key) }
    }

    @Test("Choices are bounded in all, before and after they are tokenized")
    func manyChoices() throws {
        func given(_ count: Int, _ length: Int) throws -> DecodingOptions {
            try DecodingOptions([
                JSON.Member(
                    key: "choices",
                    value: .array((0..<count).map { .string("\($0) " + String(repeating: "x", count: length)) }))
            ])
        }
        #expect {
            _ = try given(1024, 1000)
        } throws: { ($0 as? DecodingOptionError)?.reason.contains("bytes together") == true }
        #expect {
            _ = try given(1024, 10).decoding(id: "a") { $0.utf8.map { Int32($0) } }
        } throws: { ($0 as? DecodingOptionError)?.reason.contains("tokens together") == true }
        #expect(try given(100, 10).decoding(id: "a") { $0.utf8.map { Int32($0) } }.rows == 32)
    }

    @Test("Rules are read, and written the same for the same rules")
    func rules() throws {
        let text =
            #"{"repetition_penalty":1.2,"no_repeat_ngram_size":3,"suppress_tokens":[5],"bad_words_ids":[[1],[2,3]],"#
            + #""sequence_bias":[[[4],-1.5]],"exponential_decay_length_penalty":[3,1.1]}"#
        let rules = try options(text)
        #expect(rules.text == text)
        #expect(rules.rules.repetitionPenalty == 1.2 && rules.rules.badWords == [[1], [2, 3]])
        #expect(rules.rules.biases == [.init(tokens: [4], bias: -1.5)])
        #expect(try options(#"{"suppress_tokens": 5}"#).rules.suppressed == [5])
        #expect(try options(#"{"repetition_penalty": 1, "suppress_tokens": []}"#).rules == .none)
        #expect(try options(#"{"num_beams": 2, "no_repeat_ngram_size": 3}"#).beams != nil)
    }
}
