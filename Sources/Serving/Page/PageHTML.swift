import Foundation
import Queue

/// The page: its parts as they are now, which the script keeps up to date.
enum PageHTML {
    /// The page with everything on it.
    static func page(_ state: PageState) -> Markup {
        document(
            title: state.model, isLocked: false,
            """
            \(header(state))
            <main id="main">
            \(PageProgress.section(state))
            \(PageWorlds.section(state))
            \(PageFailures.section(state.causes, canceled: state.view.counts.cancelled))
            \(PageForm.section)
            \(PageGallery.section(state.results))
            </main>
            """)
    }

    /// The page of a service that has keys: the same parts, empty and hidden until there is one.
    static let locked: Markup = {
        let state = PageState(model: "", view: QueueView(), isDraining: false)
        return document(
            title: "", isLocked: true,
            """
            \(header(state))
            <section id="lock" aria-labelledby="lock-title">
            <h2 id="lock-title">This service asks for a key</h2>
            <p>Who runs the service gives you one. It stays in this tab and is forgotten when you close it.</p>
            <noscript><p class="notice">With a key the page needs JavaScript. The numbers are at <code>/v1/queue</code>,
            with the header <code>Authorization: Bearer KEY</code>.</p></noscript>
            <form id="key-form" class="needs-script">
            <label for="key">Key</label>
            <div class="row"><input id="key" type="password" autocomplete="off" spellcheck="false" required
            aria-describedby="key-error"><button class="primary">Open</button></div>
            <p id="key-error" class="error" role="alert"></p>
            </form>
            </section>
            <main id="main" hidden>
            \(PageProgress.section(state))
            \(PageWorlds.section(state))
            \(PageFailures.section([], canceled: 0))
            \(PageForm.section)
            \(PageGallery.section([]))
            </main>
            """)
    }()

    private static func document(title: String, isLocked: Bool, _ body: Markup) -> Markup {
        let lock: Markup = isLocked ? " data-locked" : ""
        return """
            <!doctype html>
            <html lang="en"\(lock)>
            <head>
            <meta charset="utf-8">
            <meta name="viewport" content="width=device-width, initial-scale=1">
            <meta name="color-scheme" content="light dark">
            <title>\(title.isEmpty ? "" : title + " · ")PaliGemma</title>
            <link rel="icon" href="/favicon.ico" type="image/svg+xml">
            <link rel="stylesheet" href="/page/style.css">
            <script src="/page/script.js" defer></script>
            </head>
            <body>
            \(body)
            <footer><p><a href="/v1/queue">queue</a> <a href="/metrics">metrics</a> <a href="/openapi.json">routes</a></p>
            <p class="quiet"><span id="updated">\(updated)</span></p></footer>
            <p id="live" class="only-heard" aria-live="polite"></p>
            <dialog id="confirm" aria-labelledby="confirm-title" aria-describedby="confirm-text">
            <form method="dialog">
            <h2 id="confirm-title"></h2>
            <p id="confirm-text"></p>
            <p id="confirm-error" class="error" role="alert"></p>
            <div class="actions"><button id="confirm-no" value="no">Leave it</button>
            <button id="confirm-yes" type="button" class="primary">Do it</button></div>
            </form>
            </dialog>
            </body>
            </html>
            """
    }

    /// Without JavaScript the numbers are those of this moment.
    private static var updated: String { "As of " + ISO8601DateFormatter().string(from: Date()) }

    private static func header(_ state: PageState) -> Markup {
        let status = state.status
        return """
            <header>
            <div class="brand">\(mark)<div><h1>PaliGemma</h1><p id="model" class="quiet">\(state.model)</p></div></div>
            <p id="status" class="status \(status.name)"><span class="dot" aria-hidden="true"></span>\
            <span id="status-text">\(status.text)</span></p>
            </header>
            <p id="trouble" class="notice bad" role="alert" hidden></p>
            """
    }

    private static let mark: Markup = """
        <svg class="mark" viewBox="0 0 32 32" aria-hidden="true"><rect x="2" y="2" width="28" height="28" rx="8"/>\
        <path d="M10 13v-3h3M19 10h3v3M22 19v3h-3M13 22h-3v-3"/><circle cx="16" cy="16" r="2.2"/></svg>
        """
}
