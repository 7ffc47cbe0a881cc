import Base
import Foundation
import ShardPlan
import WorkerInterface

/// What the ranks of a world reported (`pg-worker --report`).
struct BenchReport {
    /// From the first leased job to the last token.
    let seconds: Double
    /// From the start of the world's process to its end.
    let processSeconds: Double
    /// Of all answers.
    let tokens: Int
    let ranks: [RankCounters]
    /// The share of the processors' time that other programs took while the world ran.
    let shareOfOthers: Double

    /// - Parameters:
    ///   - plan: which ranks have which stage.
    ///   - busySeconds: of all processors while the world ran.
    /// - Throws: where there is no report of all ranks, or it lacks a counter.
    init(
        path: String, plan: ShardPlan, processSeconds: Double, busySeconds: Double, tokens: Int
    ) throws(CommandFailure) {
        let text = FileSystem.data(of: path).map { String(decoding: $0, as: UTF8.self) } ?? ""
        guard let json = try? JSON(parsing: text), case .number(let seconds)? = json["seconds"],
            let value = Double(seconds), let ranks = json["ranks"]?.array, ranks.count == plan.ranks
        else { throw CommandFailure(.internalError, "the world left no report; is pg-worker of the same build?") }
        self.seconds = value
        self.processSeconds = processSeconds
        self.tokens = tokens
        var reports: [RankCounters] = []
        for json in ranks { reports.append(try RankCounters(json, plan)) }
        self.ranks = reports
        var own = 0.0
        for rank in reports { own += try rank.value(.processorSeconds) }
        // The kernel counts the time of all of its processors, whichever of them this world may use.
        let all = processSeconds * Double(MachineLimits.current.machineCores)
        shareOfOthers = all > 0 ? max(0, busySeconds - own) / all : 0
    }
}

extension BenchReport {
    /// What one rank reported.
    struct RankCounters {
        let number: Int
        let stages: [ReportCounter.Stage]
        let peakMemoryBytes: Double
        private let figures: [String: Double]

        /// - Throws: where the report does not name its rank, or not one of the plan's.
        init(_ json: JSON, _ plan: ShardPlan) throws(CommandFailure) {
            var figures: [String: Double] = [:]
            for member in json.object ?? [] {
                if case .number(let text) = member.value { figures[member.key] = Double(text) }
            }
            guard let number = figures["rank"].flatMap({ Int(exactly: $0) }), (0..<plan.ranks).contains(number),
                let peak = figures["peak_memory_bytes"]
            else { throw CommandFailure(.internalError, "a rank's report lacks its number or its memory") }
            self.number = number
            self.figures = figures
            peakMemoryBytes = peak
            stages = (plan.encodesPictures(number) ? [.vision] : []) + (plan.holdsText(number) ? [.text] : [])
        }

        /// Returns a counter's value: 0 where the rank has not the stage that counts it.
        ///
        /// - Throws: where the rank should have counted it and did not.
        func value(_ counter: ReportCounter) throws(CommandFailure) -> Double {
            if let stage = counter.stage, !stages.contains(stage) { return 0 }
            guard let value = figures[counter.name] else {
                throw CommandFailure(
                    .internalError,
                    "the report of rank \(number) has no counter \(counter.name); is pg-worker of the same build?")
            }
            return value
        }
    }
}
