import DecodingSettings
import Testing

@Suite("The table of decoding options")
struct DecodingOptionTableTests {
    @Test("Every option has a key and a flag of its own")
    func names() {
        let table = DecodingOptions.table
        #expect(Set(table.map(\.key)).count == table.count)
        #expect(Set(table.map(\.flag.name)).count == table.count)
        #expect(table.allSatisfy { $0.flag.variable == $0.flag.name.uppercased().replacing("-", with: "_") })
    }

    @Test(
        "The text of a flag becomes the option of a job",
        arguments: [
            (["num-beams": ["4"], "length-penalty": ["-0.50"]], #"{"num_beams":4,"length_penalty":-0.5}"#),
            (["num-beams": ["04"], "early-stopping": ["true"]], #"{"num_beams":4,"early_stopping":true}"#),
            (["num-beams": ["2"], "early-stopping": ["never"]], #"{"num_beams":2,"early_stopping":"never"}"#),
            (
                ["stop": ["a", "b"], "stop-repetition": ["8x3"]],
                #"{"stop":["a","b"],"stop_repetition":{"ngram":8,"times":3}}"#
            ),
            (["choices": ["yes,no"]], #"{"choices":["yes","no"]}"#), (["use-adapter": ["x"]], #"{"adapter":"x"}"#),
            (["temperature": ["1"]], #"{"temperature":1.0}"#),
        ])
    func flags(texts: [String: [String]], options: String) throws {
        #expect(try DecodingOptions(DecodingOptions.members(ofFlags: texts)).text == options)
    }

    @Test(
        "The text of a flag that is no value is refused, and the message says what to give",
        arguments: [
            ("num-beams", "two", "'--num-beams' is 'two'; give a whole number"),
            ("temperature", "hot", "'--temperature' is 'hot'; give 0, which is greedy"),
            ("stop-repetition", "8", "'--stop-repetition' is '8'; give tokens and times, like 8x3"),
        ])
    func wrongFlags(flag: String, text: String, reason: String) {
        #expect {
            _ = try DecodingOptions.members(ofFlags: [flag: [text]])
        } throws: { ($0 as? DecodingOptionError)?.reason.contains(reason) == true }
    }
}
