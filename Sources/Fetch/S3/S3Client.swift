import Base
import Foundation

/// Makes signed requests to object stores. Keys are looked for once, and again before they expire.
final class S3Client: Sendable {
    private struct State {
        var endpoint: S3Endpoint?
        var credentials: AWSCredentials?
        /// Seconds since 1970; nil where keys were not looked for yet.
        var valid: Int?
        var region = ""
    }

    /// Seconds before their end at which keys are replaced.
    private static let renewal = 300
    /// Seconds for which it is believed that there are no keys, or that they stay valid.
    private static let memory = 3600

    private let settings: FetchSettings
    private let ask: @Sendable (HTTPRequest) throws(FetchError) -> [UInt8]
    private let state = Locked(State())
    private let regions = Locked<[String: String]>([:])
    /// Held while keys are looked for, so that many readers ask once.
    private let search = NSLock()

    /// - Parameter ask: makes an HTTP request and returns the body of its answer.
    init(_ settings: FetchSettings, ask: @escaping @Sendable (HTTPRequest) throws(FetchError) -> [UInt8]) {
        self.settings = settings
        self.ask = ask
    }

    /// Returns the request for an object.
    ///
    /// - Throws: ``FetchError`` where keys, endpoint or address are of no use.
    func object(_ location: S3Location) throws(FetchError) -> HTTPRequest {
        guard !location.key.isEmpty else {
            throw FetchError(.badURL, at: location.text, "the address names a bucket, but no key in it")
        }
        return try request(
            bucket: location.bucket, path: "/" + PercentEncoding.strict(location.key, keepsSlash: true), query: [],
            source: location.text)
    }

    /// Returns the request for one page of a listing.
    ///
    /// - Parameter token: what the page before named; nil for the first.
    /// - Throws: ``FetchError`` where keys or endpoint are of no use.
    func page(
        of location: S3Location, delimiter: String?, token: String?
    ) throws(FetchError) -> HTTPRequest {
        var query = [("list-type", "2"), ("encoding-type", "url"), ("prefix", location.key)]
        if let delimiter { query.append(("delimiter", delimiter)) }
        if let token { query.append(("continuation-token", token)) }
        return try request(bucket: location.bucket, path: "/", query: query, source: location.text)
    }

    private func request(
        bucket: String, path: String, query: [(String, String)], source: String
    ) throws(FetchError) -> HTTPRequest {
        let state = try current()
        guard let endpoint = state.endpoint else { throw FetchError(.credentials, at: source, "no endpoint") }
        let region = regions.withLock { $0[bucket] } ?? state.region
        let base = endpoint.base(bucket: bucket, region: region)
        let encoded = query.map { (PercentEncoding.strict($0.0), PercentEncoding.strict($0.1)) }.sorted { $0.0 < $1.0 }
            .map { "\($0.0)=\($0.1)" }.joined(separator: "&")
        // The path of a bucket of its own path ends without a slash in listings of some stores, with one in others.
        let address = base.origin + base.path + path + (encoded.isEmpty ? "" : "?\(encoded)")
        return HTTPRequest(
            address: try WebAddress(address), source: source,
            signer: S3Signer(
                bucket: bucket, region: region, credentials: state.credentials, endpoint: endpoint, regions: regions),
            bodyLimit: settings.bodyLimit, retries: settings.retries, seconds: settings.seconds,
            connectSeconds: settings.connectSeconds, transfersPerHost: settings.transfersPerBucket)
    }

    private func current() throws(FetchError) -> State {
        search.lock()
        defer { search.unlock() }
        let known = state.withLock { $0 }
        let now = Int(Date().timeIntervalSince1970)
        if let valid = known.valid, now < valid { return known }
        let configuration = try AWSConfiguration(settings.environment)
        var found = State()
        found.endpoint = try S3Endpoint(configuration)
        found.region = configuration.region
        let ask = self.ask
        found.credentials = try CredentialSources(configuration: configuration) { request throws(FetchError) in
            try ask(request)
        }.find()
        found.valid = max(now + 1, (found.credentials?.expires).map { $0 - Self.renewal } ?? now + Self.memory)
        let result = found
        state.withLock { $0 = result }
        return result
    }
}
