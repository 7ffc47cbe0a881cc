/// One request as the transfer loop makes it.
struct HTTPRequest: Sendable {
    enum Method: String, Sendable {
        case get = "GET"
        case put = "PUT"
        case post = "POST"
    }

    var method = Method.get
    var address: WebAddress
    /// How messages call what is fetched; without secrets.
    var source: String
    var headers: [HTTPHeader] = []
    /// Whether the response that redirects to another server is the result.
    var staysAtOrigin = false
    /// What is sent.
    var body: [UInt8] = []
    /// What is asked of the resource; nil for all.
    var range: FetchRange?
    /// The state that the resource is to have; nil for any.
    var validator: Validator?
    /// Signs every try anew; nil for requests that are not signed.
    var signer: (any RequestSigner)?
    /// Size of the largest body.
    var bodyLimit: Int
    /// Whether this is a question of the fetcher itself, like the one for keys: it may go to private addresses, never
    /// through a proxy, and shares no connection with others.
    var isInternal = false
    var retries: Int
    /// Longest time from the first connection on; nil for no limit.
    var seconds: Double?
    var connectSeconds: Double
    var transfersPerHost: Int
}

/// A field of a request's head.
package struct HTTPHeader: Sendable, Equatable {
    package let name: String
    package let value: String

    package init(name: String, value: String) {
        self.name = name
        self.value = value
    }
}

/// Signs requests to an object store.
protocol RequestSigner: Sendable {
    /// Returns the headers that sign the request at a time.
    ///
    /// - Parameter time: seconds since 1970.
    func signature(of request: HTTPRequest, time: Int) -> [HTTPHeader]

    /// Returns the request for the region in which the server says the bucket is; nil where it went there already.
    func moved(_ request: HTTPRequest, to region: String) -> HTTPRequest?

    /// What must not stand in a message.
    var secrets: [String] { get }
}
