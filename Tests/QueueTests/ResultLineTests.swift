import Base
import Queue
import TestSupport
import Testing

@Suite("Lines of results") struct ResultLineTests {
    private func result(_ outcome: JobResult.Outcome, model: String? = "miniature") -> JobResult {
        JobResult(
            number: 1, sequence: 1, id: "a\"b", pictures: ["x.png", "ü\n.png"].map { JobImage(name: $0, path: $0) }, prompt: "caption en", model: model,
            outcome: outcome)
    }

    @Test("An answer becomes a line with its keys in order") func keys() {
        let answer = Answer(
            text: "a \"red\"\ncircle", tokens: [1, 257_215], logprobs: [-0.25, -1.5], finishReason: .length,
            seconds: 1.23456)
        let line = String(decoding: result(.answered(answer)).line(), as: UTF8.self)
        #expect(
            line == #"{"id":"a\"b","images":["x.png","ü\n.png"],"prompt":"caption en","text":"a \"red\"\ncircle","#
                + #""tokens":[1,257215],"logprobs":[-0.25,-1.5],"finish_reason":"length","model":"miniature","#
                + #""seconds":1.235,"error":null}"#)
    }

    @Test("The details of an answer follow its finish reason") func details() throws {
        var details = AnswerDetails()
        #expect(details.text == nil)
        details.stopReason = "\n"
        details.score = -0.5
        details.choices = [.init(text: "yes", logprob: -1), .init(text: "no", logprob: -1)]
        details.topLogprobs = [[.init(id: 7, text: " a", logprob: -0.25)], []]
        details.alternatives = [
            .init(text: "a", tokens: [7], logprobs: [-0.25], score: -0.125, finishReason: .length)
        ]
        let answer = Answer(
            text: "a", tokens: [7], logprobs: [-0.25], finishReason: .stop, seconds: 1, details: details.text)
        let line = String(decoding: result(.answered(answer)).line(), as: UTF8.self)
        let expected = [
            #""finish_reason":"stop","stop_reason":"\n","score":-0.5,"answers":[{"text":"a","tokens":[7],"#,
            #""logprobs":[-0.25],"score":-0.125,"finish_reason":"length"}],"#,
            #""choices":[{"text":"yes","logprob":-1.0,"probability":0.5},"#,
            #"{"text":"no","logprob":-1.0,"probability":0.5}],"#,
            #""top_logprobs":[[{"id":7,"text":" a","logprob":-0.25}],[]],"#,
            #""model":"miniature","seconds":1.0,"error":null}"#,
        ]
        #expect(line.hasSuffix(expected.joined()))
        _ = try JSON(parsing: line)
    }

    @Test("A failure becomes a line with its error") func aFailureIsALineToo() {
        let failure = JobFailure(code: "not_a_picture", message: "x.png is a text")
        let line = String(decoding: result(.failed(failure, seconds: 0), model: nil).line(), as: UTF8.self)
        #expect(
            line == #"{"id":"a\"b","images":["x.png","ü\n.png"],"prompt":"caption en","text":null,"tokens":[],"#
                + #""logprobs":[],"finish_reason":null,"model":null,"seconds":0.0,"#
                + #""error":{"code":"not_a_picture","message":"x.png is a text"}}"#)
    }

    @Test("Log-probabilities are read back bit for bit") func logProbabilities() throws {
        var generator = SeededGenerator(seed: 4)
        let logprobs =
            (0..<2000).map { _ in -Float.random(in: 0...30, using: &generator) }
            + [0, -0, -.leastNonzeroMagnitude, -.greatestFiniteMagnitude, -1e-7, -3.4e-5]
        let answer = Answer(text: "", tokens: [], logprobs: logprobs, finishReason: .stop, seconds: 0)
        let line = try JSON(parsing: String(decoding: result(.answered(answer)).line(), as: UTF8.self))
        let read = try #require(line["logprobs"]?.array).map { value -> Float? in
            if case .number(let text) = value { Float(text) } else { nil }
        }
        #expect(read.map { $0?.bitPattern } == logprobs.map(\.bitPattern))
    }
}
