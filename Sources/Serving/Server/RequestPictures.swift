import Base
import Fetch
import Foundation
import JobSources
import Queue

/// Makes the pictures of a request those of a job: their bytes travel in the queue, so that nothing is read from the disks of
/// workers, and nothing is fetched by them.
struct RequestPictures: Sendable {
    let settings: ServiceSettings
    private let fetcher: SharedFetcher

    init(_ settings: ServiceSettings) {
        self.settings = settings
        var fetching = FetchSettings()
        // A request must not reach what its sender cannot.
        fetching.addresses = .publicOnly
        fetching.bodyLimit = settings.limits.pictureBytes
        fetching.retries = 1
        fetching.seconds = 60
        if case .hosts(let hosts) = settings.pictureAddresses {
            fetching.allowedHosts = hosts
            fetching.addresses = .any
        }
        fetcher = SharedFetcher(fetching)
    }

    /// - Parameters:
    ///   - id: What the pictures are named after.
    ///   - place: Where in the request they are.
    /// - Throws: ``APIError`` for pictures that are too large, not allowed or not to be had.
    func images(_ pictures: [ChatMessages.Picture], id: String, place: String) async throws(APIError) -> [JobImage] {
        var (images, bytes): ([JobImage], Int) = ([], 0)
        for (index, picture) in pictures.enumerated() {
            let data: [UInt8] =
                switch picture {
                case .bytes(let data): data
                case .name(let address): try await fetched(address, place)
                }
            bytes += data.count
            guard bytes <= settings.limits.pictureBytes else {
                throw APIError(
                    413, .invalidRequest, code: "request_too_large",
                    "the pictures have more than \(settings.limits.pictureBytes >> 20) MiB; send smaller ones, or fewer"
                )
            }
            images.append(
                JobImage(
                    name: "\(id)#\(index)", path: "\(id)#\(index)", size: Int64(data.count),
                    contentHash: ContentHash.hexadecimal(of: data), bytes: data))
        }
        return images
    }

    private func fetched(_ address: String, _ place: String) async throws(APIError) -> [UInt8] {
        if let reason = refusal(address) { throw refused(reason, place) }
        let result = await withCheckedContinuation { continuation in
            do throws(FetchError) {
                _ = try fetcher.fetcher().start(FetchRequest(address)) { continuation.resume(returning: $0) }
            } catch {
                continuation.resume(returning: .failure(error))
            }
        }
        switch result {
        case .success(let fetched): return fetched.bytes
        case .failure(let error): throw failure(error, place)
        }
    }

    /// Returns why a picture is not fetched from an address; nil where it may be tried.
    private func refusal(_ address: String) -> String? {
        guard settings.pictureAddresses != .none else {
            return "this service fetches no pictures; send the picture itself as data:image/jpeg;base64,…"
        }
        let lower = address.prefix(8).lowercased()
        guard lower.hasPrefix("http://") || lower.hasPrefix("https://") else {
            return "only http:// and https:// addresses are fetched, not \(address.prefix(100))"
        }
        return nil
    }

    /// The same for batches, whose thread may wait.
    var ofBatches: BatchPictures {
        BatchPictures(
            refusal: { refusal($0) }, fetch: { fetchedTogether($0) }, maximumCount: settings.limits.pictures,
            maximumBytes: settings.limits.pictureBytes)
    }

    private func fetchedTogether(_ addresses: [String]) -> [Result<[UInt8], APIError>] {
        let (results, group) = (Locked<[Int: Result<FetchedBytes, FetchError>]>([:]), DispatchGroup())
        for (index, address) in addresses.enumerated() {
            group.enter()
            let end: @Sendable (Result<FetchedBytes, FetchError>) -> Void = { result in
                results.withLock { $0[index] = result }
                group.leave()
            }
            do throws(FetchError) {
                _ = try fetcher.fetcher().start(FetchRequest(address), completion: end)
            } catch {
                end(.failure(error))
            }
        }
        group.wait()
        let ended = results.withLock { $0 }
        return addresses.indices.map { index in
            switch ended[index] {
            case .success(let fetched)?: .success(fetched.bytes)
            case .failure(let error)?: .failure(failure(error, "body.messages[0].content"))
            case nil: .failure(APIError(500, .server, code: "internal", "a picture was not fetched"))
            }
        }
    }

    private func refused(_ message: String, _ place: String) -> APIError {
        APIError(400, .invalidRequest, code: "url_not_allowed", message, parameter: place)
    }

    private func failure(_ error: FetchError, _ place: String) -> APIError {
        switch error.code {
        case .privateAddress, .badURL: return refused(error.description, place)
        case _ where error.mayHelpLater || (error.status ?? 0) >= 500:
            return APIError(502, .server, code: "picture_fetch_failed", error.description, parameter: place)
        default:
            return APIError(422, .invalidRequest, code: "picture_unavailable", error.description, parameter: place)
        }
    }
}
