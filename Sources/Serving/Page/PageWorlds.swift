import Base
import Foundation
import Queue

/// The worlds that work on the queue, and how their ranks spend their time.
enum PageWorlds {
    static func section(_ state: PageState) -> Markup {
        let worlds = state.view.worlds
        return """
            <section id="worlds" aria-labelledby="worlds-title">
            <h2 id="worlds-title">Worlds</h2>
            <p id="no-worlds" class="empty"\(PageProgress.hidden(!worlds.isEmpty || !state.view.isKnown))>No world was seen within \
            30 s. Wait until the model of one is loaded, or start one: <code>pg-worker --queue QUEUE --model MODEL</code></p>
            <div id="world-list">\(worlds.map(card))</div>
            </section>
            """
    }

    private static func card(_ world: SeenWorld) -> Markup {
        let record = world.record
        let up = max(0, Date().timeIntervalSince1970 - Double(record.started))
        return """
            <article class="world">
            <h3>\(record.owner)</h3>
            <p class="quiet">\(plan(record)) · \(record.model) · up for \(PageNumber.duration(up)), last sign \
            \(PageNumber.duration(world.age.inSeconds)) ago</p>
            <dl class="counts small">
            <div><dt>Answered</dt><dd>\(PageNumber.count(record.answered))</dd></div>
            <div><dt>Failed</dt><dd>\(PageNumber.count(record.failed))</dd></div>
            <div><dt>In flight</dt><dd>\(PageNumber.count(record.inFlight))</dd></div>
            </dl>
            \(times(record.times))
            </article>
            """
    }

    private static func plan(_ record: WorldRecord) -> String {
        guard record.ranks > 1 else { return "1 rank" }
        return "\(record.ranks) ranks: \(record.visionRanks) vision, \(record.ranks - record.visionRanks) language"
    }

    private static func times(_ times: RankTimes?) -> Markup {
        guard let times, times.seconds >= 1 else {
            return "<p class=\"quiet\">How its ranks spend their time is known in some seconds.</p>"
        }
        let rows = times.ranks.enumerated().map { index, rank in row(index, rank, of: times.seconds) }
        return """
            <div class="scroll"><table class="ranks">
            <caption>The last \(PageNumber.duration(times.seconds)), in per cent</caption>
            <thead><tr><th scope="col">Rank</th><td></td><th scope="col" class="vision">Vision</th><th scope="col" class="prefill">Prefill</th>\
            <th scope="col" class="decode">Decode</th><th scope="col" class="idle">Idle</th></tr></thead>
            <tbody>\(rows)</tbody>
            </table></div>
            """
    }

    private static func row(_ index: Int, _ rank: RankTimes.Rank, of seconds: Double) -> Markup {
        func percent(_ part: Double?) -> Int? { part.map { Int((min(1, $0 / seconds) * 100).rounded()) } }
        let parts = [percent(rank.vision), percent(rank.prefill), percent(rank.decode)]
        let idle = percent(rank.idle(of: seconds)) ?? 0
        func cell(_ part: Int?) -> Markup { "<td>\(part.map { String($0) } ?? "–")</td>" }
        var start = 0
        var bars: [Markup] = []
        for (name, part) in zip(["vision", "prefill", "decode"], parts) where (part ?? 0) > 0 {
            bars.append("<rect class=\"\(name)\" x=\"\(start)\" width=\"\(part ?? 0)\" height=\"8\"/>")
            start += part ?? 0
        }
        return """
            <tr><th scope="row">\(index)</th><td class="bar"><svg viewBox="0 0 100 8" preserveAspectRatio="none" \
            aria-hidden="true">\(bars)</svg></td>\(parts.map(cell))\(cell(idle))</tr>
            """
    }
}
