import Base
import Foundation
import Queue

/// The numbers of a service in the text format of Prometheus.
final class ServiceMetrics: Sendable {
    /// Upper bounds of buckets, in seconds.
    private static let latencies: [Double] = [
        0.3, 0.5, 0.8, 1, 1.5, 2, 2.5, 5, 10, 15, 20, 30, 40, 50, 60, 120, 240, 480, 960, 1920, 7680,
    ]
    private static let firstTokens: [Double] = [
        0.001, 0.005, 0.01, 0.02, 0.04, 0.06, 0.08, 0.1, 0.25, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80, 160, 640,
        2560,
    ]
    private static let betweenTokens: [Double] = [
        0.01, 0.025, 0.05, 0.075, 0.1, 0.15, 0.2, 0.3, 0.4, 0.5, 0.75, 1, 2.5, 5, 7.5, 10, 20, 40, 80,
    ]
    private static let tokens: [Double] = [1, 2, 5, 10, 20, 50, 100, 200, 500, 1000, 2000, 5000, 10_000]

    private struct Values {
        var requests: [[String]: Int] = [:]
        var successes: [[String]: Int] = [:]
        var failures: [[String]: Int] = [:]
        var promptTokens = 0
        var answerTokens = 0
        var latency = Histogram(ServiceMetrics.latencies)
        var queueTime = Histogram(ServiceMetrics.latencies)
        var inferenceTime = Histogram(ServiceMetrics.latencies)
        var firstToken = Histogram(ServiceMetrics.firstTokens)
        var betweenTokens = Histogram(ServiceMetrics.betweenTokens)
        var promptLength = Histogram(ServiceMetrics.tokens)
        var answerLength = Histogram(ServiceMetrics.tokens)
        var maximumTokens = Histogram(ServiceMetrics.tokens)
    }

    private let values = Locked(Values())

    // MARK: What happens

    func countRequest(handler: String, method: String, status: Int) {
        values.withLock { $0.requests[[handler, method, "\(status / 100)xx"], default: 0] += 1 }
    }

    func countFailure(code: String) { values.withLock { $0.failures[[code], default: 0] += 1 } }

    func countFirstToken(seconds: Double) { values.withLock { $0.firstToken.add(seconds) } }

    func countToken(afterSeconds seconds: Double) { values.withLock { $0.betweenTokens.add(seconds) } }

    /// - Parameter seconds: From the request to the end of the answer.
    func count(_ answer: Answer, promptTokens: Int, maximumTokens: Int, seconds: Double) {
        values.withLock { values in
            values.successes[[answer.openAIFinishReason], default: 0] += 1
            values.promptTokens += promptTokens
            values.answerTokens += answer.tokens.count
            values.latency.add(seconds)
            values.queueTime.add(max(0, seconds - answer.seconds))
            values.inferenceTime.add(answer.seconds)
            values.promptLength.add(Double(promptTokens))
            values.answerLength.add(Double(answer.tokens.count))
            values.maximumTokens.add(Double(maximumTokens))
        }
    }

    // MARK: As text

    /// - Parameter waiting: The requests that are not answered yet.
    func text(prefix: String, model: String, view: QueueView, waiting: Int) -> String {
        let values = values.withLock { $0 }
        var text = MetricsText(prefix: prefix, labels: [("model_name", model)])
        let running = min(waiting, view.counts.leased)
        text.gauge("num_requests_running", "Requests that a world works on.", Double(running))
        text.gauge("num_requests_waiting", "Requests that wait for a world.", Double(waiting - running))
        text.counters(
            "request_success_total", "Answers, by how they ended.", ["finished_reason"], values.successes)
        text.counters("request_failure_total", "Requests that failed, by their code.", ["code"], values.failures)
        text.counter("prompt_tokens_total", "Tokens of prompts, with those of pictures.", values.promptTokens)
        text.counter("generation_tokens_total", "Tokens of answers.", values.answerTokens)
        text.histogram("e2e_request_latency_seconds", "From the request to its answer.", values.latency)
        text.histogram("request_queue_time_seconds", "From the request to its lease by a world.", values.queueTime)
        text.histogram("request_inference_time_seconds", "From the lease to the last token.", values.inferenceTime)
        text.histogram("time_to_first_token_seconds", "From the request to its first text.", values.firstToken)
        text.histogram("inter_token_latency_seconds", "Between two parts of an answer.", values.betweenTokens)
        text.histogram("request_prompt_tokens", "Tokens of a prompt.", values.promptLength)
        text.histogram("request_generation_tokens", "Tokens of an answer.", values.answerLength)
        text.histogram("request_params_max_tokens", "Tokens that a request allows.", values.maximumTokens)
        text.gauges(
            "jobs", "Jobs of the whole queue, by state; add up over services with max.", ["state"],
            JobState.allCases.map { (["\($0)"], Double(view.counts[$0])) })
        text.gauge("jobs_per_second", "Jobs that the whole queue finished a second, over a minute.", view.rate)
        text.gauge("worlds", "Worlds that were seen within 30 s.", Double(view.worlds.count))
        text.unprefixed()
        text.counters(
            "http_requests_total", "Responses.", ["handler", "method", "status"], values.requests)
        ProcessFigures.add(to: &text)
        return text.text
    }
}

/// Counts of values up to bounds.
package struct Histogram: Sendable {
    package let bounds: [Double]
    /// Not cumulative; the last is of values above all bounds.
    package private(set) var counts: [Int]
    package private(set) var sum = 0.0

    package init(_ bounds: [Double]) {
        self.bounds = bounds
        counts = Array(repeating: 0, count: bounds.count + 1)
    }

    package mutating func add(_ value: Double) {
        counts[bounds.firstIndex { value <= $0 } ?? bounds.count] += 1
        sum += value
    }
}
