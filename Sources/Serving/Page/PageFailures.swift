import Queue

/// Why jobs fail, and what can be done about it.
enum PageFailures {
    static func section(_ causes: [FailureCause], canceled: Int) -> Markup {
        let isEmpty = causes.isEmpty && canceled == 0
        return """
            <section id="failures" aria-labelledby="failures-title">
            <h2 id="failures-title">Failures</h2>
            <p id="no-failures" class="empty"\(PageProgress.hidden(!isEmpty))>No job has failed.</p>
            <ul id="causes" class="causes">\(causes.map(item))\(canceled > 0 ? [canceledItem(canceled)] : [])</ul>
            </section>
            """
    }

    private static func item(_ cause: FailureCause) -> Markup {
        var parts: [Markup] = []
        if cause.failed > 0 { parts.append("<strong>\(PageNumber.count(cause.failed))</strong> failed") }
        if cause.waiting > 0 { parts.append("<strong>\(PageNumber.count(cause.waiting))</strong> to be tried again") }
        return item(cause.code, parts, cause.example)
    }

    private static func canceledItem(_ count: Int) -> Markup {
        item("cancelled", ["<strong>\(PageNumber.count(count))</strong> canceled"], "")
    }

    private static func item(_ code: String, _ parts: [Markup], _ example: String) -> Markup {
        let numbers = parts.enumerated().map { index, part -> Markup in index == 0 ? part : ", \(part)" }
        return """
            <li><div><p><code>\(code)</code> <span class="number">\(numbers)</span></p>\
            <p class="quiet">\(example)</p></div></li>
            """
    }
}
