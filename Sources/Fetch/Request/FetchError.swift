/// Why something cannot be fetched. The code goes into a job's result, the text tells a person what to do. Neither
/// holds a password or the values of a query.
package struct FetchError: Error, CustomStringConvertible, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        /// The address is none that can be fetched.
        case badURL = "bad_url"
        /// The server has no such thing: 404, 410, no such key or bucket.
        case notFound = "not_found"
        /// The server does not give it to this client: 401, 403.
        case forbidden
        /// The server answered with another status that is no success; ``FetchError/status`` has the number.
        case httpStatus = "http_status"
        /// It took too long to connect, the server sent too slowly, or all tries together took too long.
        case timedOut = "timed_out"
        /// The body has more bytes than may be fetched.
        case tooLarge = "too_large"
        /// No connection was made, or it broke.
        case connection
        /// The host's name has no address.
        case dns
        /// No encrypted connection was made, or the server's certificate is not trusted.
        case tls
        /// The address belongs to a private network, or the host is none of those that are allowed.
        case privateAddress = "private_address"
        /// The owner forbids use by programs that learn (header X-Robots-Tag).
        case optedOut = "opted_out"
        /// Redirects lead to ever more redirects.
        case tooManyRedirects = "too_many_redirects"
        /// The body ended before its announced length.
        case truncated
        /// The server's answer breaks the protocol.
        case badResponse = "bad_response"
        /// The server sends whole files only, but a part is needed.
        case noRanges = "no_ranges"
        /// The part that is needed lies beyond the end.
        case outOfRange = "out_of_range"
        /// What the server has now is not what it had before.
        case changed
        /// The keys for the object store are incomplete or in a form that is not read.
        case credentials
        /// The fetcher was stopped, or the fetch was canceled.
        case canceled
    }

    package let code: Code
    /// What was fetched, without secrets.
    package let source: String
    /// The status of the last HTTP response; nil where there was none.
    package let status: Int?
    /// Whether the same fetch may succeed later.
    package let mayHelpLater: Bool
    package let reason: String
    /// As ``FetchedResponse/fields``, of the response that refused.
    package internal(set) var fields: [String: String] = [:]

    init(_ code: Code, at source: String, status: Int? = nil, mayHelpLater: Bool = false, _ reason: String) {
        self.code = code
        self.source = source
        self.status = status
        self.mayHelpLater = mayHelpLater
        self.reason = reason
    }

    package var description: String { "\(source): \(reason)" }
}
