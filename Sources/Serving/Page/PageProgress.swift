import Queue

/// How far the queue is: the first thing that people look for.
enum PageProgress {
    static func section(_ state: PageState) -> Markup {
        let (counts, view) = (state.view.counts, state.view)
        let rate = PageNumber.rate(view.rate)
        return """
            <section id="progress" aria-labelledby="progress-title">
            <div class="hero">
            <h2 id="progress-title" class="label">Progress</h2>
            <p class="figure"><span id="percent">\(state.percent)</span><span class="unit">%</span></p>
            <p class="of"><strong id="finished">\(PageNumber.count(counts.finished))</strong> of \
            <strong id="total">\(PageNumber.count(counts.total))</strong> jobs finished</p>
            </div>
            <dl class="pair">
            <div><dt>Rate</dt><dd><span id="rate">\(rate.number)</span> <span id="rate-unit" class="unit">\(rate.unit)</span></dd></div>
            <div><dt>Time left</dt><dd id="left">\(left(state))</dd></div>
            </dl>
            \(line(view.pastRates))
            <progress id="bar" max="\(max(1, counts.total))" value="\(counts.finished)" aria-label="Jobs finished"></progress>
            <dl class="counts">
            \(count("Ready", "ready", counts.ready))
            \(count("Running", "leased", counts.leased))
            \(count("To be tried again", "retry", counts.retry))
            \(count("Answered", "done", counts.done))
            \(count("Failed", "failed", counts.failed))
            \(count("Canceled", "cancelled", counts.cancelled))
            </dl>
            <p id="empty-queue" class="empty"\(hidden(counts.total > 0 || !view.isKnown))>The queue is empty. Try a picture below, or put many in:
            <code>paligemma submit --queue QUEUE --prompt "caption en" PICTURES</code></p>
            <div id="cancel-row" class="actions needs-script"\(hidden(counts.total == 0))><button id="cancel-all"\(counts.outstanding > 0 ? "" : " disabled")>Cancel what is \
            left</button></div>
            </section>
            """
    }

    static func hidden(_ isHidden: Bool) -> Markup { isHidden ? " hidden" : "" }

    private static func count(_ name: Markup, _ state: Markup, _ number: Int) -> Markup {
        "<div><dt>\(name)</dt><dd id=\"count-\(state)\">\(PageNumber.count(number))</dd></div>"
    }

    private static func left(_ state: PageState) -> String {
        if state.view.counts.outstanding == 0 { return state.view.counts.total > 0 ? "done" : "–" }
        return state.view.secondsLeft.map { PageNumber.duration($0) } ?? "not known yet"
    }

    /// The rate of the last hour as a line. A hundred and twenty units wide, thirty high; the newest at the right.
    private static func line(_ rates: [Double]) -> Markup {
        let top = rates.max() ?? 0
        let start = RateHistory.maximum - rates.count
        let points = rates.enumerated().map { index, rate in
            "\(start + index + 1),\(PageNumber.decimal(30 - (top > 0 ? rate / top : 0) * 28, 2))"
        }
        return """
            <figure id="rates"\(hidden(rates.count < 2 || top == 0))>
            <svg viewBox="0 0 120 31" preserveAspectRatio="none" aria-hidden="true"><polyline id="rate-line" \
            points="\(points.joined(separator: " "))"/></svg>
            <figcaption><span>Last hour</span> <span>at most <span id="rate-top">\(top > 0 ? text(top) : "")</span></span></figcaption>
            </figure>
            """
    }

    private static func text(_ rate: Double) -> String {
        let (number, unit) = PageNumber.rate(rate)
        return "\(number) \(unit)"
    }
}
