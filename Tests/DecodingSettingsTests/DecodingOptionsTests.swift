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
            (#"{"beams": 2}"#, "the option \"beams\" is not known; known are num_beams, length_penalty"),
            ("[]", "no JSON object"),
        ])
    func bad(text: String, reason: String) {
        #expect {
            _ = try options(text)
        } throws: { ($0 as? DecodingOptionError)?.reason.contains(reason) == true }
    }
}
