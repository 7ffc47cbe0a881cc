import Base
import Fetch

/// Asks a hub. The token goes to the hub's own host only, wherever redirects lead.
package final class HubClient: Sendable {
    private let endpoint: String
    private let token: String?
    private let fetcher: Fetcher

    /// The largest answer that is no file, in bytes.
    private static let largestAnswer = 32 << 20
    private static let longestBackoff = 300.0

    /// - Parameter settings: how to fetch; what the hub needs otherwise is set here.
    /// - Throws: ``HubError`` where `HF_HUB_OFFLINE` forbids the network, or a variable is of no use.
    package init(_ environment: HubEnvironment, settings: FetchSettings = FetchSettings()) throws(HubError) {
        guard !environment.isOffline else {
            throw HubError(.offline, at: "HF_HUB_OFFLINE", "the variable forbids the network; unset it to pull")
        }
        endpoint = try environment.endpoint()
        token = try environment.token()
        var settings = settings
        settings.bodyLimit = Self.largestAnswer
        settings.longestRetryAfter = Self.longestBackoff
        // The directives are for those who gather what they were not given.
        settings.ignoresRobotsTag = true
        do throws(FetchError) {
            fetcher = try Fetcher(settings)
        } catch {
            throw HubError(.network, at: error.source, error.reason)
        }
    }

    /// Ends all transfers.
    func stop() { fetcher.stop() }

    /// Returns the commit that a revision is at.
    ///
    /// - Throws: ``HubError``.
    func commit(of reference: ModelReference) throws(HubError) -> String {
        let revision = RepositoryPath.encoded(reference.revision, keepsSlash: false)
        let (answer, source) = try json("\(endpoint)/api/models/\(reference.name)/revision/\(revision)", reference)
        guard let commit = answer["sha"]?.string, ModelReference.isCommit(commit) else {
            throw HubError(.badAnswer, at: source, "the answer names no commit; is HF_ENDPOINT a hub?")
        }
        return commit
    }

    /// Returns the files of a commit.
    ///
    /// - Throws: ``HubError``, also for a file whose path leads out of the repository.
    func files(of reference: ModelReference, commit: String) throws(HubError) -> [RemoteFile] {
        var files: [RemoteFile] = []
        var next: String? = "\(endpoint)/api/models/\(reference.name)/tree/\(commit)?recursive=true&expand=false"
        var seen: Set<String> = []
        while let address = next {
            guard seen.insert(address).inserted, seen.count <= FileListing.mostPages else {
                throw HubError(.badAnswer, at: "\(reference)", "the hub's listing of the files does not end")
            }
            var link: String?
            let (page, source) = try json(address, reference, link: &link)
            files += try FileListing.files(page, source: source)
            next = link.map { FileListing.nextPage($0, of: address, endpoint: endpoint) } ?? nil
        }
        return files
    }

    /// Opens a file at the hub, from a byte on. Where the hub sends to another host, the answer has no body but
    /// ``FetchedResponse/redirect``.
    ///
    /// - Throws: ``FetchError``.
    func open(_ file: String, of name: String, commit: String, from offset: Int64) throws(FetchError) -> FetchStream {
        let path = RepositoryPath.encoded(file, keepsSlash: true)
        var request = request("\(endpoint)/\(name)/resolve/\(commit)/\(path)")
        request.range = Self.range(from: offset)
        request.staysAtOrigin = true
        return try fetcher.open(request)
    }

    /// Opens what a redirect led to, without the token.
    ///
    /// - Throws: ``FetchError``.
    func open(redirect: String, from offset: Int64) throws(FetchError) -> FetchStream {
        try fetcher.open(FetchRequest(redirect, range: Self.range(from: offset)))
    }

    /// Returns the error for what the hub itself refused.
    func refusal(_ error: FetchError, of reference: ModelReference, file: String? = nil) -> HubError {
        HubRefusal.error(error, of: reference, file: file, endpoint: MaskedURL.text(endpoint), hasToken: token != nil)
    }

    private static func range(from offset: Int64) -> FetchRange? { offset > 0 ? FetchRange(offset: offset) : nil }

    private func request(_ address: String) -> FetchRequest {
        var request = FetchRequest(address)
        if let token { request.headers = [HTTPHeader(name: "Authorization", value: "Bearer \(token)")] }
        return request
    }

    private func json(_ address: String, _ reference: ModelReference) throws(HubError) -> (JSON, source: String) {
        var link: String?
        return try json(address, reference, link: &link)
    }

    private func json(
        _ address: String, _ reference: ModelReference, link: inout String?
    ) throws(HubError) -> (JSON, source: String) {
        let fetched: FetchedBytes
        do throws(FetchError) {
            fetched = try fetcher.fetch(request(address))
        } catch {
            throw refusal(error, of: reference)
        }
        link = fetched.response.fields["link"]
        guard let json = try? JSON(parsing: fetched.bytes, duplicateKeys: .kept) else {
            throw HubError(
                .badAnswer, at: fetched.response.source,
                "the answer is no JSON; is HF_ENDPOINT a hub, and no page before it?")
        }
        return (json, fetched.response.source)
    }
}
