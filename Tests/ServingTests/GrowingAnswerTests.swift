import Queue
import Serving
import Testing

@Suite("What a client has been sent of an answer")
struct GrowingAnswerTests {
    private func part(_ offset: Int, _ text: String, tokens: Int, _ logprobs: [TokenLogprob] = []) -> AnswerProgress {
        AnswerProgress(jobID: "a", attempt: 1, offset: offset, text: text, tokens: tokens, logprobs: logprobs)
    }

    @Test("Parts that come again are sent once, and a part behind a gap waits for the end")
    func parts() {
        var answer = GrowingAnswer()
        #expect(answer.take(part(0, "a red", tokens: 2))?.text == "a red")
        // Another world began again.
        #expect(answer.take(part(0, "a", tokens: 1)) == nil)
        #expect(answer.take(part(1, " red", tokens: 2)) == nil)
        #expect(answer.take(part(1, " red car", tokens: 3))?.text == " car")
        // A message between was lost.
        #expect(answer.take(part(20, "street", tokens: 7)) == nil)
        #expect(answer.rest(of: "a red car in a street", logprobs: [])?.text == " in a street")
    }

    @Test("An answer that is not the one that was begun is told")
    func otherAnswer() {
        var answer = GrowingAnswer()
        _ = answer.take(part(0, "a red", tokens: 2))
        #expect(answer.rest(of: "a blue car", logprobs: []) == nil)
    }

    @Test("Probabilities come once for each token, whatever was lost")
    func logprobs() {
        let tokens = ["a", " red", " car"].map { TokenLogprob(text: $0, logprob: -1) }
        var answer = GrowingAnswer()
        #expect(answer.take(part(0, "a", tokens: 1, [tokens[0]]))?.logprobs == [tokens[0]])
        // Its first token was already sent, so it cannot be cut out of the text alone.
        #expect(answer.take(part(0, "a red", tokens: 2, [tokens[0], tokens[1]])) == nil)
        #expect(
            answer.rest(of: "a red car", logprobs: tokens) == .init(text: " red car", logprobs: [tokens[1], tokens[2]]))
    }

    @Test("Nothing at all was heard: the end is the whole answer")
    func nothingHeard() {
        var answer = GrowingAnswer()
        #expect(answer.rest(of: "ein Kätzchen", logprobs: [])?.text == "ein Kätzchen")
    }
}
