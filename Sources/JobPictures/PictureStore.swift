import Base
import Fetch
import Foundation
import Pictures
import Queue
import Tables

/// The bytes of pictures that are no files of their own: parts of shards, cells of tables, and what lies on servers.
package final class PictureStore: Sendable {
    private let fetcher: SharedFetcher
    private let tables: TableCells<FileIdentity?>
    private let remoteTables: RemoteCells

    /// The folder below which files are read; nil for everywhere.
    package let root: FileRoot?

    /// - Parameter root: The folder below which files are read; nil for everywhere.
    package init(fetching settings: FetchSettings = FetchSettings(), root: String? = nil) {
        fetcher = SharedFetcher(settings)
        remoteTables = RemoteCells(fetcher)
        let root = root.map { FileRoot($0) }
        self.root = root
        tables = TableCells(
            maximumOpen: 4, identify: { FileIdentity(path: $0.path, in: root) },
            openFile: { try ParquetFile(try FileRangeSource(path: $0.path, in: root), name: $0.path) })
    }

    /// Reads files everywhere, and fetches as usual.
    ///
    /// - Parameter report: Called with what a person should know of the servers that are fetched from.
    package convenience init(report: @escaping @Sendable (String) -> Void) {
        var fetching = FetchSettings()
        fetching.report = report
        self.init(fetching: fetching)
    }

    /// Cancels what is being fetched.
    package func stop() {
        fetcher.stop()
        remoteTables.stop()
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
                try image.expectation.verify(try FileStamp(path: image.path, in: root), path: image.path)
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
        let file = try FileRangeSource(path: image.path, in: root)
        try image.expectation.verify(try FileStamp(path: image.path, in: root), path: image.path)
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
            && AddressReference.isAddress(image.path)
    }

    /// What was fetched of a job; its bytes count in the fetcher's budget as long as it is there.
    package struct Fetched: Sendable {
        package var job: Job
        private var pictures: [FetchedPicture] = []

        init(_ job: Job) { self.job = job }

        mutating func take(_ picture: FetchedPicture, at index: Int) {
            switch picture {
            case .body(let body): job.images[index].bytes = body.bytes
            case .cell(let cell): job.images[index].bytes = cell.bytes
            }
            pictures.append(picture)
        }
    }

    /// The bytes of a picture, as they came.
    enum FetchedPicture: Sendable {
        case body(FetchedBytes)
        case cell(HeldBytes)
    }

    /// Fetches all pictures of a job that are on servers.
    ///
    /// - Parameter completion: Called once, on a thread of the store or on this one; it must not wait.
    package func fetch(_ job: Job, completion: @escaping @Sendable (Result<Fetched, PictureFailure>) -> Void) {
        let remote = job.images.indices.filter { Self.isRemote(job.images[$0]) }
        guard !remote.isEmpty else { return completion(.success(Fetched(job))) }
        let state = Locked((fetched: Fetched(job), left: remote.count, failure: nil as PictureFailure?))
        @Sendable func end(_ index: Int, _ result: Result<FetchedPicture, PictureFailure>) {
            let outcome = state.withLock { state -> Result<Fetched, PictureFailure>? in
                state.left -= 1
                switch result {
                case .success(let picture): state.fetched.take(picture, at: index)
                case .failure(let failure): state.failure = state.failure ?? failure
                }
                guard state.left == 0 else { return nil }
                return state.failure.map { .failure($0) } ?? .success(state.fetched)
            }
            if let outcome { completion(outcome) }
        }
        let made = Result { () throws(FetchError) in try fetcher.fetcher() }
        // The pictures of a job share the room in memory, so that two jobs cannot each wait for what the other holds.
        let group = (try? made.get())?.group(of: remote.count)
        for index in remote {
            let image = job.images[index]
            if Self.isCell(image) {
                remoteTables.read(image, group: group) { end(index, $0.map { .cell($0) }) }
            } else {
                startBody(of: image, made, group) { end(index, $0.map { .body($0) }) }
            }
        }
    }

    private func startBody(
        of image: JobImage, _ fetcher: Result<Fetcher, FetchError>, _ group: FetchGroup?,
        _ completion: @escaping @Sendable (Result<FetchedBytes, PictureFailure>) -> Void
    ) {
        var request = Self.request(for: image)
        request.group = group
        do throws(FetchError) {
            _ = try fetcher.get().start(request) { result in
                completion(result.mapError { PictureFailure($0, of: image) }.flatMap { Self.verified($0, image) })
            }
        } catch {
            completion(.failure(PictureFailure(error, of: image)))
        }
    }

    /// Fetches one picture, and waits for it.
    ///
    /// - Throws: ``PictureFailure``.
    package func fetchedBytes(of image: JobImage) throws(PictureFailure) -> [UInt8] {
        if Self.isCell(image) { return try remoteTables.bytes(of: image) }
        let body: FetchedBytes
        do throws(FetchError) {
            body = try fetcher.fetcher().fetch(Self.request(for: image))
        } catch {
            throw PictureFailure(error, of: image)
        }
        return try Self.verified(body, image).get().bytes
    }

    private static func isCell(_ image: JobImage) -> Bool {
        if case .cell? = image.part { true } else { false }
    }

    /// A part of a shard that is no longer as large as it was when it was submitted may be anything.
    private static func verified(_ body: FetchedBytes, _ image: JobImage) -> Result<FetchedBytes, PictureFailure> {
        guard let size = image.size, let total = body.response.totalBytes, size != total else { return .success(body) }
        return .failure(PictureFailure(ImageError(otherSize: total, of: image)))
    }

    private static func request(for image: JobImage) -> FetchRequest {
        guard case .range(let offset, let count)? = image.part else { return FetchRequest(image.path) }
        return FetchRequest(
            image.path, range: FetchRange(offset: offset, count: count), validator: image.fetchValidator)
    }
}

extension JobImage {
    /// What a worker verifies of its file.
    package var expectation: FileExpectation {
        FileExpectation(size: size, modificationTime: modified, contentHash: contentHash)
    }

    /// The state that the file of a server is to have; nil for any.
    var fetchValidator: Fetch.Validator? {
        validator.flatMap { Fetch.Validator(entityTag: $0.entityTag, lastModified: $0.lastModified) }
    }
}

extension ImageError {
    /// The error of a file of a server that has another size than when its pictures were submitted.
    init(otherSize size: Int64, of image: JobImage) {
        self.init(
            .changed, at: image.name,
            "its file had \(Int(clamping: image.size ?? 0).counted("byte")) when it was submitted and has \(size) now; submit it again"
        )
    }

    /// The error of a file of a server that has another state than when its pictures were submitted, or than a moment ago.
    init(changed image: JobImage) {
        self.init(
            .changed, at: image.name,
            image.validator == nil
                ? "its file changes on the server while it is read; try it again"
                : "its file is another one on the server than when it was submitted (ETag or Last-Modified); submit it again, "
                    + "with --verify size where servers give the same file other tags")
    }
}
