import Base
import Foundation

/// What the ranks of a world reported (`pg-worker --report`).
struct BenchReport {
    struct Rank {
        let number: Int
        private let counters: [String: Double]

        init(_ json: JSON) {
            var counters: [String: Double] = [:]
            for member in json.object ?? [] {
                if case .number(let text) = member.value { counters[member.key] = Double(text) }
            }
            self.counters = counters
            number = counters["rank"].map { Int($0) } ?? 0
        }

        /// 0 where the rank has no such counter.
        subscript(_ counter: String) -> Double { counters[counter] ?? 0 }

        func has(_ counter: String) -> Bool { counters[counter] != nil }
    }

    /// From the first leased job to the last token.
    let seconds: Double
    /// From the start of the world's process to its end.
    let processSeconds: Double
    /// Of all answers.
    let tokens: Int
    let ranks: [Rank]
    /// Of the processors' time while the world ran, what others took.
    let shareOfOthers: Double

    /// - Parameter busySeconds: of all processors while the world ran.
    init(path: String, processSeconds: Double, busySeconds: Double, tokens: Int) throws(CommandFailure) {
        let text = FileManager.default.contents(atPath: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        guard let json = try? JSON(parsing: text), case .number(let seconds)? = json["seconds"],
            let value = Double(seconds), let ranks = json["ranks"]?.array, !ranks.isEmpty
        else { throw CommandFailure(.internalFault, "the world left no report; is pg-worker of the same build?") }
        self.seconds = value
        self.processSeconds = processSeconds
        self.tokens = tokens
        self.ranks = ranks.map(Rank.init)
        let own = self.ranks.reduce(0) { $0 + $1["processor_seconds"] }
        let all = processSeconds * Double(ProcessInfo.processInfo.activeProcessorCount)
        shareOfOthers = all > 0 ? max(0, busySeconds - own) / all : 0
    }
}
