/// Every route: which methods it takes and what it is for. The answer to a wrong method and the OpenAPI document are made of it.
enum RouteTable {
    struct Route {
        let method: String
        /// With names in braces; a last name with a star holds what is left.
        let path: String
        let summary: String
    }

    static let all = [
        Route(method: "POST", path: "/v1/chat/completions", summary: "Answer a question about pictures."),
        Route(method: "POST", path: "/v1/completions", summary: "Answer several questions about the same pictures."),
        Route(method: "POST", path: "/v1/jobs", summary: "Submit an offline job."),
        Route(method: "GET", path: "/v1/jobs/{id}", summary: "Show the result of a job, or its state."),
        Route(
            method: "GET", path: "/v1/jobs/{id}/picture/{number}",
            summary: "Show a picture of a job, as a JPEG of at most 512 pixels a side."),
        Route(method: "DELETE", path: "/v1/jobs/{id}", summary: "Cancel a job."),
        Route(method: "GET", path: "/v1/results", summary: "List results of offline jobs in the order of completion."),
        Route(method: "GET", path: "/v1/failures", summary: "Count the failed jobs by their code."),
        Route(method: "POST", path: "/v1/retry", summary: "Queue failed jobs again."),
        Route(method: "POST", path: "/v1/cancel", summary: "Cancel jobs."),
        Route(method: "POST", path: "/v1/files", summary: "Upload a file of requests."),
        Route(method: "GET", path: "/v1/files", summary: "List files."),
        Route(method: "GET", path: "/v1/files/{id}", summary: "Show what is known of a file."),
        Route(method: "DELETE", path: "/v1/files/{id}", summary: "Delete a file."),
        Route(method: "GET", path: "/v1/files/{id}/content", summary: "Show what is in a file."),
        Route(method: "POST", path: "/v1/batches", summary: "Answer the requests of a file within a day."),
        Route(method: "GET", path: "/v1/batches", summary: "List batches."),
        Route(method: "GET", path: "/v1/batches/{id}", summary: "Show how far a batch is."),
        Route(method: "POST", path: "/v1/batches/{id}/cancel", summary: "Cancel a batch."),
        Route(method: "GET", path: "/v1/models", summary: "List the model and its adapters."),
        Route(method: "GET", path: "/v1/models/{id*}", summary: "Show one of them."),
        Route(method: "GET", path: "/v1/queue", summary: "Show counts, rate, time left and worlds of the queue."),
        Route(method: "GET", path: "/health", summary: "Say that the service is alive."),
        Route(method: "GET", path: "/ready", summary: "Say whether requests would be answered."),
        Route(method: "GET", path: "/metrics", summary: "Show the numbers for Prometheus."),
        Route(method: "GET", path: "/openapi.json", summary: "Show this document."),
        Route(method: "GET", path: "/", summary: "Show a page for people."),
        Route(method: "GET", path: "/page/style.css", summary: "Show how the page looks."),
        Route(method: "GET", path: "/page/script.js", summary: "Show what the page does."),
        Route(method: "GET", path: "/favicon.ico", summary: "Show the sign of the page."),
    ]

    /// Returns the methods that a path takes; none where it is no route.
    @Sendable
    static func methods(of path: String) -> [String] {
        let words = path.split(separator: "/", omittingEmptySubsequences: true)
        return all.filter { matches($0.path.split(separator: "/"), words) }.map(\.method)
    }

    private static func matches(_ pattern: [Substring], _ words: [Substring]) -> Bool {
        for (index, part) in pattern.enumerated() {
            if part.hasSuffix("*}") { return words.count > index }
            guard index < words.count, part.hasPrefix("{") || part == words[index] else { return false }
        }
        return words.count == pattern.count
    }
}
