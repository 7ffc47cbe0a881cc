/// How a service is run.
package struct ServiceSettings: Sendable {
    /// Where it listens.
    package enum Address: Sendable, Equatable {
        case host(String, port: Int)
        /// The path of a socket in the file system.
        case socket(String)
    }

    package var address = Address.host("127.0.0.1", port: 8000)
    /// The name of the queue.
    package var queue: String
    /// What the model is called; nil for its own name.
    package var modelName: String?
    package var limits = RequestLimits()
    /// Where pictures are fetched from for requests that name them by their addresses.
    package enum PictureAddresses: Sendable, Equatable {
        case none
        /// The public internet.
        case publicOnly
        /// These hosts, wherever they are.
        case hosts([String])
    }
    package var pictureAddresses = PictureAddresses.none
    /// The folder below which the files of jobs are shown; nil where only pictures in the queue are.
    package var pictureRoot: String?
    /// The requests that may wait at the same time.
    package var maximumWaiting = 256
    /// How long a request may take, in seconds.
    package var requestSeconds = 600
    /// How long the service says that it is not ready before it takes no more requests, in seconds.
    package var drainDelay = 0
    /// Who may ask; nil where everybody may.
    package var keys: APIKeys?
    /// Whether `/metrics` asks for a key too.
    package var metricsNeedKey = false
    /// The names of the service in `Host` headers; nil for any. It protects a service on the loopback from the pages of others.
    package var hosts: [String]?
    /// The prefix of the metrics' names.
    package var metricsPrefix = "paligemma_"
    /// Whether the service is ready where no world was seen.
    package var isReadyWithoutWorlds = false
    /// Where files and batches are kept; nil where there are none.
    package var state: StateFolder?
    /// Takes what a person should know of trouble, in one line.
    package var log: @Sendable (String) -> Void = { _ in }
    /// Takes the lines of the access log.
    package var accessLog: @Sendable (String) -> Void = { _ in }

    package init(queue: String) { self.queue = queue }
}
