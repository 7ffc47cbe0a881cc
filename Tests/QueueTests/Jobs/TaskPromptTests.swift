import Queue
import Testing

@Suite("Prompts of tasks")
struct TaskPromptTests {
    @Test(
        "Every task becomes its prompt",
        arguments: [
            (TaskPrompt.caption, nil, nil, "caption en"), (.caption, "de", nil, "caption de"),
            (.describe, "fil", nil, "describe fil"), (.ocr, nil, nil, "ocr"),
            (.detect, nil, "cat", "detect cat"),
            (.detect, nil, " red  car;dog ;  tree", "detect red  car ; dog ; tree"),
            (.segment, nil, "the cat ; dog", "segment the cat ; dog"),
            (.answer, nil, "How many cats are there?", "answer en How many cats are there?"),
            (.question, "fr", "two", "question fr two"),
        ] as [(TaskPrompt, String?, String?, String)])
    func prompts(task: TaskPrompt, language: String?, about: String?, prompt: String) throws {
        #expect(try task.prompt(language: language, about: about) == prompt)
    }

    @Test(
        "A task without what it needs, or with what it does not take, is refused with the reason",
        arguments: [
            (TaskPrompt.caption, "english", nil, "\"english\""), (.caption, nil, "cat", "\"cat\""),
            (.ocr, "en", nil, "\"en\""), (.detect, nil, nil, "the objects"), (.detect, nil, "cat ; ; dog", "no name"),
            (.segment, "en", "cat", "\"en\""), (.answer, nil, "  ", "the question"),
            (.question, nil, nil, "the answer"),
        ] as [(TaskPrompt, String?, String?, String)])
    func faults(task: TaskPrompt, language: String?, about: String?, part: String) {
        #expect {
            try task.prompt(language: language, about: about)
        } throws: { error in
            "\(error)".contains(part)
        }
    }
}
