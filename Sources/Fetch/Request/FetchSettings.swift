import Foundation

/// How a ``Fetcher`` behaves. Times are in seconds, sizes in bytes.
package struct FetchSettings: Sendable {
    /// Which addresses are dialed.
    package enum Addresses: Sendable, Equatable {
        case any
        /// Only those of the public internet, whatever names and redirects lead to them. Proxies, which hide addresses,
        /// are used only where ``FetchSettings/allowedHosts`` limits the hosts.
        case publicOnly
    }

    /// What the fetcher calls itself; what stands before a `/` is the name that X-Robots-Tag may address.
    package var userAgent = "paligemma"
    /// How many transfers run at once, 1 to 64.
    package var transfers = 32
    /// How many transfers run at once with one server.
    package var transfersPerHost = 4
    /// How many transfers run at once with the host of an S3 bucket.
    package var transfersPerBucket = 32
    /// Size of all bodies in memory, those included that were fetched and are still held; at least that of one body.
    /// The oldest fetch may exceed it by one ``bodyLimit``, so that bodies do not wait for each other, and those for
    /// which a thread waits may always.
    package var memory = 256 << 20
    /// Size of the largest body, at least 128 KiB.
    package var bodyLimit = 64 << 20
    /// How many bytes of a stream are kept until they are read.
    package var streamBuffer = 4 << 20
    package var connectSeconds = 10.0
    /// A transfer that has less than ``slowestRate`` bytes a second for so long ends.
    package var slowSeconds = 20
    package var slowestRate = 1000
    /// Longest time of a fetch from its first connection on, further tries included. Streams have no such limit.
    package var seconds = 300.0
    package var redirects = 5
    /// How often a fetch is tried again.
    package var retries = 3
    /// Before the first further try; then twice as long each time, varied by half.
    package var retrySeconds = 1.0
    /// The longest Retry-After that is obeyed; a server that asks for more is not asked again.
    package var longestRetryAfter = 60.0
    package var addresses = Addresses.any
    /// The only hosts that are fetched from, redirects included; `.example.org` stands for all below example.org. Nil
    /// for all.
    package var allowedHosts: [String]?
    /// Whether what X-Robots-Tag closes to programs is fetched all the same.
    package var ignoresRobotsTag = false
    /// The proxy; nil for those of `http_proxy`, `https_proxy`, `all_proxy` and `no_proxy`, empty for none.
    package var proxy: String?
    /// Where keys, region and endpoint of object stores are looked for.
    package var environment = ProcessInfo.processInfo.environment

    /// Called with a sentence that a person should know, without secrets: about these settings, or about a server whose
    /// fetches have to be tried again. It is called on any thread, and must not wait.
    package var report: @Sendable (String) -> Void = { _ in }

    package init() {}
}
