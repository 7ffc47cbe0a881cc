import Queue

/// The form that tries a picture.
enum PageForm {
    static let section: Markup = """
        <section id="try" aria-labelledby="try-title">
        <h2 id="try-title">Try a picture</h2>
        <noscript><p class="notice">The form needs JavaScript. From a terminal:
        <code>paligemma run --model MODEL --prompt "caption en" PICTURE</code></p></noscript>
        <div class="try needs-script">
        <form id="try-form">
        <div id="drop" class="drop">
        <label for="file">Picture</label>
        <input id="file" type="file" accept="image/*,.heic,.heif,.avif,.jxl,.jp2,.tif,.tiff" required aria-describedby="file-hint">
        <p id="file-hint" class="quiet">Choose one, drop it here, or paste it.</p>
        </div>
        <div class="fields">
        <div><label for="task">Task</label><select id="task">\(tasks)<option value="">Own prompt</option></select></div>
        <div id="language-field"><label for="language">Language</label>\
        <input id="language" value="en" size="4" maxlength="3" autocapitalize="none" spellcheck="false" list="languages"></div>
        <datalist id="languages">\(TaskPrompt.languages.map { "<option value=\"\($0)\">" as Markup })</datalist>
        </div>
        <div id="about-field" hidden><label for="about" id="about-label">Objects</label>\
        <input id="about" aria-describedby="about-hint"><p id="about-hint" class="quiet"></p></div>
        <div class="actions"><button id="ask" class="primary">Ask</button><button id="stop" type="button" hidden>Stop</button></div>
        </form>
        <div class="outcome">
        <div id="stage" class="picture stage"><p class="placeholder">The picture, and what is found in it</p></div>
        <p id="try-error" class="error" role="alert"></p>
        <output id="answer" form="try-form" for="file task language about" aria-live="polite" aria-busy="false"></output>
        <ul id="found" class="found" aria-label="What was found"></ul>
        <p id="answer-note" class="quiet"></p>
        <details id="request" hidden><summary>The same from a terminal</summary><pre tabindex="0"><code id="curl"></code></pre>
        <button id="copy" type="button">Copy</button></details>
        </div>
        </div>
        </section>
        """

    private static let tasks: [Markup] = TaskPrompt.allCases.map { task in
        "<option value=\"\(task.rawValue)\">\(name(of: task))</option>"
    }

    private static func name(of task: TaskPrompt) -> String {
        switch task {
        case .caption: "Caption"
        case .describe: "Describe"
        case .ocr: "Read text"
        case .detect: "Detect objects"
        case .segment: "Segment objects"
        case .answer: "Answer a question"
        case .question: "Ask a question"
        }
    }
}
