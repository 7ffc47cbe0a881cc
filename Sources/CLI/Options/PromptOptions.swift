import ArgumentParser
import Queue

/// What to ask of every picture: words, or a task that makes them.
struct PromptOptions: ParsableArguments {
    @Option(
        help: Variable.prompt.help("What to ask of every picture, like \"caption en\" or \"ocr\".", valueName: "text"))
    var prompt: String?

    @Option(
        help: Variable.task.help(
            "In place of a prompt: caption, describe, ocr, detect or segment (--about \"cat ; dog\"), answer (--about "
                + "a question), question (--about an answer).", valueName: "name"))
    var task: String?

    @Option(
        name: .customLong("lang"),
        help: Variable.language.help("The language of a task's answer.", default: "en", valueName: "code"))
    var language: String?

    @Option(help: Variable.about.help("What a task is about: objects, a question, an answer.", valueName: "text"))
    var about: String?

    /// Nil where nothing is asked.
    func resolved() throws -> String? {
        // What stands on the command line goes before a variable of the other kind.
        let task = prompt == nil ? try Variable.task.value(self.task) : self.task
        guard let task else {
            guard language == nil, about == nil else {
                throw ValidationError("'--lang' and '--about' belong to a '--task'; give it, or leave them out.")
            }
            return try Variable.prompt.value(prompt)
        }
        guard let known = TaskPrompt(rawValue: task) else {
            let names = TaskPrompt.allCases.map(\.rawValue).joined(separator: ", ")
            throw ValidationError("'--task' is \(task); known are \(names).")
        }
        guard prompt == nil else {
            throw ValidationError("'--task' and '--prompt' are both there; a task is a prompt, leave one out.")
        }
        do {
            return try known.prompt(language: Variable.language.value(language), about: Variable.about.value(about))
        } catch let fault as TaskPromptError {
            throw ValidationError(fault.description + ".")
        }
    }
}
