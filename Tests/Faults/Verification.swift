import Queue

/// Compares a queue at the end of a scenario with the jobs that were submitted.
struct Verification {
    var submitted = 0
    var answered = 0
    var failed = 0
    /// Ids that were submitted and have no result.
    var lost: [String] = []
    /// Ids that the queue accepted two ends for, or has two results of.
    var doubled: [String] = []
    /// Jobs that failed without a cause.
    var wronglyFailed: [String] = []
    /// Jobs that failed as poison, and the maximum: each must have been the only job of three worlds that died.
    var poisoned = 0
    var maximumPoisoned = 0
    var isWhole = true

    var isGood: Bool {
        lost.isEmpty && doubled.isEmpty && wronglyFailed.isEmpty && poisoned <= maximumPoisoned && isWhole
            && answered + failed == submitted
    }

    init(_ queue: any JobQueue, submitted ids: [String], unfinished: Bool, killsAlone: Int = 0) throws {
        submitted = ids.count
        maximumPoisoned = killsAlone / RetryPolicy().maximumDeathsAlone
        var results: [String: Int] = [:]
        try queue.forEachResult(sorted: false) { result in
            results[result.id, default: 0] += 1
            switch result.outcome {
            case .answered: answered += 1
            case .failed(let failure, _):
                failed += 1
                if failure.code == JobFailure.poison {
                    poisoned += 1
                } else if !["missing", "file_missing"].contains(failure.code) {
                    wronglyFailed.append("\(result.id): \(failure.code)")
                }
            }
        }
        lost = ids.filter { results[$0] == nil }
        var ends: [String: Int] = [:]
        var after: Int64 = 0
        while let page = try Optional(queue.audit(after: after, limit: 1000)), let last = page.last {
            for entry in page { ends[entry.id, default: 0] += 1 }
            after = last.number
        }
        doubled = Set(ids).filter { results[$0] ?? 0 > 1 || ends[$0] ?? 0 > 1 }.sorted()
        do { try queue.verify() } catch { isWhole = false }
    }

    var text: String {
        var text = "\(submitted) submitted = \(answered) answered + \(failed) failed; \(lost.count) lost, "
        text += "\(doubled.count) doubled; queue \(isWhole ? "whole" : "DAMAGED")"
        if poisoned > 0 { text += "; \(poisoned) failed as poison, of at most \(maximumPoisoned)" }
        if !wronglyFailed.isEmpty { text += "; wrongly failed: \(wronglyFailed.prefix(5).joined(separator: ", "))" }
        if !lost.isEmpty { text += "; lost: \(lost.prefix(5).joined(separator: ", "))" }
        return text
    }
}
