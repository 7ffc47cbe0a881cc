import Base
import Foundation
import Queue
import Serving
import TestSupport
import Testing

/// The page of the service in a real Chromium, before a real service.
@Suite("Page", .serialized, .timeLimit(.minutes(10)))
struct PageTests {
    private static let states = ["ready", "leased", "retry", "done", "failed", "cancelled"]

    /// The numbers that the page must show.
    private func expected(_ queue: any JobQueue) throws -> [String] {
        let counts = try queue.counts()
        return JobState.allCases.map { plain(counts[$0]) } + [plain(counts.finished), plain(counts.total)]
    }

    private func plain(_ number: Int) -> String {
        number < 1000 ? "\(number)" : "\(number / 1000)," + String(format: "%03d", number % 1000)
    }

    private func shown(_ browser: Browser) throws -> [String] {
        let fields = Self.states.map { "count-" + $0 } + ["finished", "total"]
        return try fields.map { try browser.text("#" + $0) }
    }

    private func start(_ service: ServedWorld, _ browser: Browser) throws {
        try browser.open("http://127.0.0.1:\(service.port)/")
        try browser.wait(for: "document.querySelector('#updated').textContent.startsWith('Updated')")
    }

    // MARK: What it shows

    @Test("The page shows the numbers of the queue, its worlds and its failures, and text from outside as text")
    func numbers() throws {
        let fixture = try QueueFixture()
        try fixture.fill()
        try fixture.announceWorlds()
        let service = try ServedWorld(["--queue", fixture.path])
        let browser = try Browser()
        try start(service, browser)
        let numbers = try expected(fixture.queue)
        #expect(numbers == ["1,000", "5", "3", "270", "8", "4", "282", "1,290"])
        #expect(try shown(browser) == numbers)
        #expect(try browser.text("#percent") == "21")
        #expect(
            try browser.value("[document.querySelector('#bar').value, document.querySelector('#bar').max]").array?
                .compactMap(\.integer) == [282, 1290])
        #expect(try browser.text("#status-text") == "Working")
        #expect(
            try browser.isTrue(
                "/^([0-9]+ (s|min|h)|not known yet)/.test(document.querySelector('#left').textContent)"))

        let causes = try browser.value(
            "[...document.querySelectorAll('#causes li')].map(item => item.querySelector('code').textContent + ': ' + item.querySelector('.number').textContent)"
        )
        #expect(
            causes.array?.compactMap(\.string) == [
                "not_a_picture: 6 failed", "fetch_timeout: 3 to be tried again", "truncated: 2 failed",
                "cancelled: 4 canceled",
            ])
        let rows = try browser.value(
            "[...document.querySelectorAll('table.ranks tbody tr')].map(row => [...row.children].map(cell => cell.textContent).join(' '))"
        )
        #expect(rows.array?.compactMap(\.string) == ["0  87 – – 13", "1  83 – – 17", "2  – 52 35 13", "3  – 52 35 13"])

        // What others wrote is there as they wrote it, and nothing of it is an element.
        let foreign = QueueFixture.foreign
        #expect(
            try browser.value("[...document.querySelectorAll('.world h3')].map(title => title.textContent)").array?
                .compactMap(\.string).contains(foreign) == true)
        #expect(
            try browser.value("[...document.querySelectorAll('.prompt')].map(prompt => prompt.textContent)").array?
                .compactMap(\.string).contains(foreign) == true)
        #expect(
            try browser.isTrue(
                "[...document.querySelectorAll('#causes .quiet')].some(text => text.textContent.includes('<script>'))"))
        #expect(try browser.value("document.querySelectorAll('[onerror], main script').length").integer == 0)
        #expect(try browser.value("document.title").string == "21 % · miniature · PaliGemma")
    }

    @Test("Without JavaScript the numbers are there, and what needs it is not")
    func withoutScript() throws {
        let fixture = try QueueFixture()
        try fixture.fill()
        try fixture.announceWorlds()
        let service = try ServedWorld(["--queue", fixture.path])
        // What a browser shows that runs no script is what the service sends.
        let page = try service.get("/").text
        for (state, number) in zip(Self.states, try expected(fixture.queue)) {
            #expect(page.contains("<dd id=\"count-\(state)\">\(number)</dd>"))
        }
        #expect(
            page.contains("<strong id=\"finished\">282</strong> of <strong id=\"total\">1,290</strong> jobs finished"))
        #expect(page.contains("<h3>gpu-less-1:4711</h3>"))
        #expect(page.contains("<code>not_a_picture</code>"))
        #expect(page.contains("&lt;img src=x onerror="))
        #expect(!page.contains("class=\"scripted\""))

        let response = try service.get("/")
        #expect(response.headers["content-security-policy"]?.hasPrefix("default-src 'none'; script-src 'self'") == true)
        #expect(response.headers["x-content-type-options"] == "nosniff")
        #expect(!response.text.contains("style=") && !response.text.contains("onclick"))
    }

    @Test("Retry and cancel ask first how many jobs they are about, and do it")
    func buttons() throws {
        let fixture = try QueueFixture()
        try fixture.fill()
        let service = try ServedWorld(["--queue", fixture.path], waitsForWorld: false)
        let browser = try Browser()
        try start(service, browser)
        try browser.wait(for: "document.querySelector('#status-text').textContent.trim() === 'No world'")
        #expect(try browser.isTrue("!document.querySelector('#no-worlds').hidden"))

        try browser.click("button[data-act='Retry not_a_picture']")
        #expect(try browser.text("#confirm-title") == "Retry 6 jobs?")
        #expect(try browser.heard("#confirm") == ["dialog", "Retry 6 jobs?"])
        // The safe answer has the focus.
        #expect(try browser.value("document.activeElement.id").string == "confirm-no")
        try browser.click("#confirm-no")
        #expect(try fixture.queue.counts().failed == 8)

        try browser.click("button[data-act='Retry not_a_picture']")
        try browser.click("#confirm-yes")
        try browser.wait(for: "document.querySelector('#count-failed').textContent === '2'")
        #expect(try fixture.queue.counts().ready == 1006)
        #expect(try browser.text("#count-ready") == "1,006")

        try browser.click("button[data-act='Cancel fetch_timeout']")
        try browser.click("#confirm-yes")
        try browser.wait(for: "document.querySelector('#count-cancelled').textContent === '7'")
        #expect(try fixture.queue.counts().retry == 0)

        try browser.click("#cancel-all")
        #expect(try browser.text("#confirm-title") == "Cancel 1,011 jobs?")
        try browser.click("#confirm-yes")
        try browser.wait(for: "document.querySelector('#count-cancelled').textContent === '1,018'")
        #expect(try fixture.queue.counts().outstanding == 0)
        #expect(try browser.isTrue("document.querySelector('#cancel-all').disabled"))
        #expect(try shown(browser) == expected(fixture.queue))
    }

    // MARK: Pictures

    @Test("A picture that is uploaded comes back with its answer and its boxes, drawn where they are")
    func form() throws {
        let service = try ServedWorld(["--model", ServedWorld.model])
        let browser = try Browser()
        try start(service, browser)
        #expect(
            try browser.isTrue(
                "!document.querySelector('#no-answers').hidden && !document.querySelector('#empty-queue').hidden"))
        try browser.type(Self.example("one-shape.png"), into: "#file")
        try browser.wait(for: "document.querySelector('#stage img')")

        try browser.click("#ask")
        try browser.wait(
            for:
                "document.querySelector('#answer').getAttribute('aria-busy') === 'false' && document.querySelector('#answer-note').textContent"
        )
        let caption = try JSON(parsing: try service.post("/v1/chat/completions", ServedWorld.chat("caption en")).text)
        #expect(try browser.text("#answer") == caption["choices"]?.array?.first?["message"]?["content"]?.string)
        #expect(try browser.isTrue("!document.querySelector('#stage svg')"))

        try browser.click("#task option[value='detect']")
        try browser.type("red circle", into: "#about")
        try browser.click("#ask")
        try browser.wait(for: "document.querySelector('#stage .box')")
        let body = ServedWorld.chat("detect red circle")
        let answer = try JSON(parsing: try service.post("/v1/chat/completions", body).text)["paligemma"]
        let corners = answer?["boxes"]?.array?.first?["box"]?.array ?? []
        let box = corners.compactMap { $0.number }
        let size = (answer?["image_size"]?.array ?? []).compactMap { $0.number }
        try #require(box.count == 4 && size.count == 2)
        let drawn = try browser.value(
            "['x', 'y', 'width', 'height'].map(name => Number(document.querySelector('#stage .box').getAttribute(name)))"
        ).array?.compactMap(\.number)
        let scale = 420 / max(size[0], size[1])
        let places = [box[0], box[1], box[2] - box[0], box[3] - box[1]].map { ($0 * scale * 10).rounded() / 10 }
        #expect(drawn == places)
        // The drawing lies on the picture, pixel on pixel: it is scaled as the picture is.
        #expect(
            try browser.value("document.querySelector('#stage svg').getAttribute('viewBox')").string
                == "0 0 \(decimal(size[0] * scale)) \(decimal(size[1] * scale))")
        #expect(try browser.text("#answer") == "Found 1 object")
        #expect(try browser.text("#found") == "1 red circle " + box.map { "\(Int($0))" }.joined(separator: ", "))
        #expect(try browser.console().isEmpty)
        try Self.run(command: try browser.text("#curl"), equals: answer)
    }

    private func decimal(_ number: Double) -> String { String(format: "%.1f", number) }

    /// Runs the command that the page shows beside the picture; its boxes must be those of the page.
    private static func run(command: String, equals answer: JSON?) throws {
        guard FileManager.default.isExecutableFile(atPath: "/usr/bin/curl") else { return }
        let folder = try TemporaryFolder()
        try FileManager.default.copyItem(atPath: example("one-shape.png"), toPath: folder.file("one-shape.png"))
        let outcome = try Programs.run("sh", ["-c", command], directory: folder.path)
        #expect(try JSON(parsing: outcome.output)["paligemma"]?["boxes"] == answer?["boxes"])
    }

    private static func example(_ name: String) -> String {
        URL(fileURLWithPath: ServedWorld.model).deletingLastPathComponent().deletingLastPathComponent()
            .appendingPathComponent("pictures/\(name)").path
    }

    private static let questions = [
        ("three-shapes.jpg", "detect red square"), ("two-shapes.jpg", "detect black star"),
        ("three-shapes-and-number.webp", "detect blue star"), ("two-shapes.jpg", "caption en"),
        ("number-large.jpg", "ocr"), ("turned-by-exif.jpg", "caption en"), ("one-shape.png", "detect red circle"),
        ("three-shapes.jpg", "answer en how many shapes are there?"),
    ]

    @Test(
        "The gallery has the latest answers with their pictures and boxes; the page can be used by everybody, everywhere"
    )
    func gallery() throws {
        let fixture = try QueueFixture(adopting: false)
        let root = fixture.folder.file("root")
        try FileManager.default.createDirectory(atPath: root, withIntermediateDirectories: true)
        var jobs: [Job] = []
        for (index, (name, prompt)) in Self.questions.enumerated() {
            // Half of them in the queue, half as files.
            let path = root + "/" + name
            if !FileManager.default.fileExists(atPath: path) {
                try FileManager.default.copyItem(atPath: Self.example(name), toPath: path)
            }
            let bytes = index % 2 == 0 ? [UInt8](try Data(contentsOf: URL(fileURLWithPath: path))) : nil
            jobs.append(
                Job(
                    id: "a/\(index) ü", images: [JobImage(name: name, path: bytes == nil ? path : name, bytes: bytes)],
                    prompt: prompt))
        }
        jobs.append(
            Job(id: "text", images: [JobImage(name: "notes.jpg", path: "n", bytes: Array("no".utf8))], prompt: "ocr"))
        _ = try fixture.queue.submit(jobs, otherContents: .refuse)
        let service = try ServedWorld([
            "--model", ServedWorld.model, "--queue", fixture.path, "--picture-root", root, "--ranks", "2",
        ])
        try Wait.until("all are answered") { try fixture.queue.counts().finished == jobs.count }
        let browser = try Browser()
        try start(service, browser)
        // Pictures are fetched when they come into view.
        _ = try browser.value("window.scrollTo(0, document.body.scrollHeight)")
        try browser.wait(for: "document.querySelectorAll('#answers img').length === \(Self.questions.count)")
        let results = try fixture.queue.latestResults(limit: 48)
        #expect(
            try browser.value("[...document.querySelectorAll('#answers .prompt')].map(prompt => prompt.textContent)")
                .array?.compactMap(\.string) == results.map(\.prompt))
        let boxes = results.map { result -> Int in
            if case .answered(let answer) = result.outcome { answer.detection?.boxes.count ?? 0 } else { 0 }
        }
        #expect(boxes.reduce(0, +) >= 3)
        #expect(
            try browser.value(
                "[...document.querySelectorAll('#answers li figure')].map(item => item.querySelectorAll('.box').length)"
            ).array?.compactMap(\.integer) == boxes)
        #expect(try browser.console().filter { !$0.contains("/picture/0") }.isEmpty)
        // A world says how its ranks spend their time every ten seconds.
        try browser.wait(for: "document.querySelector('table.ranks tbody tr:nth-child(2)')")
        try looks(browser)
        try ears(browser)
        try keyboard(browser)
    }

    // MARK: For everybody

    /// Light, dark, and as wide as a small phone.
    private func looks(_ browser: Browser) throws {
        for isDark in [false, true] {
            try browser.prefer(dark: isDark)
            #expect(try browser.isTrue("matchMedia('(prefers-color-scheme: dark)').matches") == isDark)
            let contrasts = try browser.value(Self.contrasts)
            #expect(contrasts.array?.isEmpty == true, "\(contrasts)")
            try browser.screenshot(isDark ? "dark" : "light", width: 1280)
            try browser.screenshot(isDark ? "phone-dark" : "phone", width: 375, scale: 2)
        }
        try browser.prefer(dark: false)
        try browser.resize(320, 640)
        #expect(try browser.value("document.documentElement.scrollWidth").integer == 320)
        try browser.screenshot("narrow", width: 320, scale: 2)
        try browser.resize(1280, 900)
    }

    /// The texts that have less than 4.5 to 1 against what is behind them.
    private static let contrasts = #"""
        (() => {
          const channel = value => value <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
          const numbers = color => color.match(/[\d.]+/g).map(Number);
          const light = color => {
            const [red, green, blue] = numbers(color).map(value => channel(value / 255));
            return 0.2126 * red + 0.7152 * green + 0.0722 * blue;
          };
          const ground = element => {
            for (let node = element; node; node = node.parentElement) {
              const color = getComputedStyle(node).backgroundColor;
              if (numbers(color)[3] !== 0) return color;
            }
          };
          const bad = [];
          const walker = document.createTreeWalker(document.body, NodeFilter.SHOW_TEXT);
          while (walker.nextNode()) {
            const element = walker.currentNode.parentElement;
            if (!walker.currentNode.textContent.trim() || !element.checkVisibility() || element.closest("svg, :disabled")) continue;
            const [first, second] = [getComputedStyle(element).color, ground(element)].map(light).sort((a, b) => b - a);
            const contrast = (first + 0.05) / (second + 0.05);
            if (contrast < 4.5) bad.push(element.outerHTML.slice(0, 100) + " " + contrast.toFixed(2));
          }
          return bad;
        })()
        """#

    /// What a screen reader says.
    private func ears(_ browser: Browser) throws {
        #expect(try browser.heard("#bar") == ["progressbar", "Jobs finished"])
        #expect(try browser.heard("#task") == ["combobox", "Task"])
        #expect(try browser.heard("#language") == ["combobox", "Language"])
        #expect(try browser.heard("#file") == ["button", "Picture"])
        #expect(try browser.heard("#ask") == ["button", "Ask"])
        #expect(try browser.heard("#gallery") == ["region", "Latest answers"])
        #expect(
            try browser.heard("button[data-act='Retry not_a_picture']") == [
                "button", "Retry jobs that failed with not_a_picture",
            ])
        #expect(try browser.heard("table.ranks tbody th").first == "rowheader")
        #expect(
            try browser.value("[...document.querySelectorAll('#answers img')].every(image => image.alt)").bool == true)
        // One title a level, none left out.
        let levels = try browser.value(
            "[...document.querySelectorAll('h1, h2, h3')].filter(title => title.checkVisibility()).map(title => title.tagName).join(' ')"
        ).string
        #expect(levels == "H1 H2 H2 H3 H2 H2 H2")
    }

    /// The order in which the tabulator goes through the page, and that one sees where it is.
    private func keyboard(_ browser: Browser) throws {
        _ = try browser.value("(document.activeElement.blur(), window.scrollTo(0, 0), true)")
        var order: [String] = []
        for _ in 0..<12 {
            try browser.press(Browser.tab)
            let name =
                try browser.value(
                    "document.activeElement.id || document.activeElement.dataset.act || document.activeElement.textContent"
                ).string ?? ""
            if name == "file" || !name.isEmpty { order.append(name) }
            #expect(
                try browser.isTrue(
                    "document.activeElement.matches(':focus-visible') && getComputedStyle(document.activeElement).outlineStyle !== 'none'"
                ), "\(name)")
            if name == "routes" { break }
        }
        #expect(order == ["Retry not_a_picture", "file", "task", "language", "ask", "queue", "metrics", "routes"])
    }

    // MARK: Keys

    @Test("With keys the page holds nothing but the field for one; with a key it shows the queue")
    func keys() throws {
        let fixture = try QueueFixture()
        try fixture.fill()
        let keys = APIKeys.make(name: "alice")
        try fixture.folder.write(keys.line + "\n", to: "keys")
        let service = try ServedWorld(
            ["--queue", fixture.path, "--api-keys", fixture.folder.file("keys")], waitsForWorld: false)
        let text = try service.get("/").text
        #expect(!text.contains("1,290") && !text.contains("miniature") && !text.contains("not_a_picture"))
        let browser = try Browser()
        try browser.open("http://127.0.0.1:\(service.port)/")
        try browser.wait(for: "document.activeElement.id === 'key'")
        #expect(try browser.isTrue("document.querySelector('#main').hidden"))
        try browser.type("pg-wrong", into: "#key")
        try browser.click("#key-form button")
        try browser.wait(for: "document.querySelector('#key-error').textContent.includes('nobody has this key')")
        try browser.type(keys.key, into: "#key")
        try browser.click("#key-form button")
        try browser.wait(
            for: "!document.querySelector('#main').hidden && document.querySelector('#total').textContent === '1,290'")
        #expect(try shown(browser) == expected(fixture.queue))
        // A key for use does not change the jobs of others, and the page says so.
        try browser.click("#cancel-all")
        try browser.click("#confirm-yes")
        try browser.wait(for: "document.querySelector('#confirm-error').textContent.includes('admin')")
        #expect(try fixture.queue.counts().outstanding == 1008)
    }
}
