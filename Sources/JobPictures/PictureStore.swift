import Base
import Fetch
import Foundation
import Pictures
import Queue

/// The bytes of pictures that are no files of their own: parts of shards, cells of tables, and what lies on servers.
package final class PictureStore: Sendable {
    private let settings: FetchSettings
    /// Made with the first picture that is fetched.
    private let fetcher = Locked<Result<Fetcher, FetchError>?>(nil)
    private let tables = TableCells()

    /// Resolved; nil where files are read everywhere.
    private let root: String?

    /// - Parameter root: The folder below which files are read; nil for everywhere.
    package init(fetching settings: FetchSettings = FetchSettings(), root: String? = nil) {
        self.settings = settings
        self.root = root.map { FileSystem.resolved($0) }
    }

    /// Refuses a file that is not below the root, in the same words whether there is such a file or not.
    ///
    /// - Throws: ``PictureFailure`` with the code `not_permitted`.
    package func check(_ image: JobImage) throws(PictureFailure) {
        guard let root, image.bytes == nil, !Self.isRemote(image) else { return }
        let path = FileSystem.resolved(image.path)
        let isBelow = root == "/" || path.utf8.starts(with: (root + "/").utf8)
        guard isBelow, !path.utf8.split(separator: UInt8(ascii: "/")).contains(where: { $0.elementsEqual("..".utf8) })
        else {
            throw PictureFailure(
                JobFailure(
                    code: "not_permitted",
                    message:
                        "\(image.name): these workers read files below their --picture-root only; put the picture there, or "
                        + "submit it with --embed"))
        }
    }

    /// Cancels what is being fetched.
    package func stop() {
        fetcher.withLock { fetcher in
            if case .success(let fetcher)? = fetcher { fetcher.stop() }
        }
    }

    /// The largest part of a shard that is read, in bytes.
    private static let largestPart: Int64 = 1 << 30

    // MARK: On this machine

    /// Reads the bytes of a picture that is a part of a file.
    ///
    /// - Throws: ``PictureFailure``.
    package func bytes(of image: JobImage, in part: JobImage.Part) throws(PictureFailure) -> [UInt8] {
        do {
            switch part {
            case .range(let offset, let count): return try range(offset, count, of: image)
            case .cell(let column, let row):
                try image.expectation.verify(try FileStamp(path: image.path), path: image.path)
                return try tables.bytes(of: image, column: column, row: row)
            }
        } catch {
            throw PictureFailure(error, of: image)
        }
    }

    private func range(_ offset: Int64, _ count: Int64, of image: JobImage) throws -> [UInt8] {
        guard count <= Self.largestPart else {
            throw ImageError(.tooLarge, at: image.name, "it has \(count) bytes; at most \(Self.largestPart) are read")
        }
        let file = try FileRangeSource(path: image.path)
        try image.expectation.verify(try FileStamp(path: image.path), path: image.path)
        let (end, overflows) = offset.addingReportingOverflow(count)
        guard !overflows, end <= Int64(file.size) else {
            throw ImageError(
                .changed, at: image.name, "its shard is shorter than when it was submitted; submit it again")
        }
        return try file.bytes(at: Int(offset), count: Int(count))
    }

    // MARK: On servers

    /// Returns whether a picture has to be fetched.
    package static func isRemote(_ image: JobImage) -> Bool {
        image.bytes == nil
            && ["http://", "https://", "s3://"].contains { image.path.prefix($0.count).lowercased() == $0 }
    }

    /// What was fetched of a job; its bytes count in the fetcher's budget as long as it is there.
    package struct Fetched: Sendable {
        package var job: Job
        private var bodies: [FetchedBytes] = []

        init(_ job: Job) { self.job = job }

        mutating func take(_ body: FetchedBytes, at index: Int) {
            job.images[index].bytes = body.bytes
            bodies.append(body)
        }
    }

    /// Fetches all pictures of a job that are on servers.
    ///
    /// - Parameter completion: Called once, on the thread of the transfers or on this one; it must not wait.
    package func fetch(_ job: Job, completion: @escaping @Sendable (Result<Fetched, PictureFailure>) -> Void) {
        let remote = job.images.indices.filter { Self.isRemote(job.images[$0]) }
        let state = Locked((fetched: Fetched(job), left: remote.count, failure: nil as PictureFailure?))
        @Sendable func end(_ index: Int, _ result: Result<FetchedBytes, PictureFailure>) {
            let outcome = state.withLock { state -> Result<Fetched, PictureFailure>? in
                state.left -= 1
                switch result {
                case .success(let body): state.fetched.take(body, at: index)
                case .failure(let failure): state.failure = state.failure ?? failure
                }
                guard state.left == 0 else { return nil }
                return state.failure.map { .failure($0) } ?? .success(state.fetched)
            }
            if let outcome { completion(outcome) }
        }
        guard !remote.isEmpty else { return completion(.success(Fetched(job))) }
        let made = Result { () throws(FetchError) in try theFetcher() }
        // The bodies of a job share the room in memory, so that two jobs cannot each wait for what the other holds.
        let group = (try? made.get())?.group(of: remote.count)
        for index in remote {
            do throws(FetchError) {
                var request = Self.request(for: job.images[index])
                request.group = group
                _ = try made.get().start(request) { result in
                    end(index, result.mapError { PictureFailure($0) })
                }
            } catch {
                end(index, .failure(PictureFailure(error)))
            }
        }
    }

    /// Fetches one picture, and waits for it.
    ///
    /// - Throws: ``PictureFailure``.
    package func fetchedBytes(of image: JobImage) throws(PictureFailure) -> [UInt8] {
        do throws(FetchError) {
            return try theFetcher().fetch(Self.request(for: image)).bytes
        } catch {
            throw PictureFailure(error)
        }
    }

    private static func request(for image: JobImage) -> FetchRequest {
        guard case .range(let offset, let count)? = image.part else { return FetchRequest(image.path) }
        return FetchRequest(image.path, range: FetchRange(offset: offset, count: count))
    }

    private func theFetcher() throws(FetchError) -> Fetcher {
        let made = fetcher.withLock { fetcher -> Result<Fetcher, FetchError> in
            if let fetcher { return fetcher }
            let made = Result { () throws(FetchError) in try Fetcher(settings) }
            fetcher = made
            return made
        }
        return try made.get()
    }
}

extension JobImage {
    /// What a worker verifies of its file.
    package var expectation: FileExpectation {
        FileExpectation(size: size, modificationTime: modified, contentHash: contentHash)
    }
}
