import Base
import Fetch
import Foundation
import Pictures
import Queue

/// The bytes of pictures that are no files of their own: parts of shards, cells of tables, and what lies on servers.
package final class PictureStore: Sendable {
    private let fetcher: SharedFetcher
    private let tables = TableCells()
    private let remoteTables: RemoteCells

    /// Resolved; nil where files are read everywhere.
    private let root: String?

    /// - Parameter root: The folder below which files are read; nil for everywhere.
    package init(fetching settings: FetchSettings = FetchSettings(), root: String? = nil) {
        fetcher = SharedFetcher(settings)
        remoteTables = RemoteCells(fetcher)
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
            && AddressReference.isAddress(image.path)
    }

    /// What was fetched of a job; its bytes count in the fetcher's budget as long as it is there.
    package struct Fetched: Sendable {
        package var job: Job
        private var bodies: [FetchedBytes] = []

        init(_ job: Job) { self.job = job }

        mutating func take(_ picture: FetchedPicture, at index: Int) {
            switch picture {
            case .body(let body):
                job.images[index].bytes = body.bytes
                bodies.append(body)
            case .cell(let bytes): job.images[index].bytes = bytes
            }
        }
    }

    /// The bytes of a picture, as they came.
    enum FetchedPicture: Sendable {
        case body(FetchedBytes)
        case cell([UInt8])
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
        let cells = remote.filter { Self.isCell(job.images[$0]) }
        for index in cells {
            remoteTables.read(job.images[index]) { end(index, $0.map { .cell($0) }) }
        }
        startBodies(job, remote.filter { !cells.contains($0) }, end)
    }

    private func startBodies(
        _ job: Job, _ indices: [Int], _ end: @escaping @Sendable (Int, Result<FetchedPicture, PictureFailure>) -> Void
    ) {
        let made = Result { () throws(FetchError) in try fetcher.fetcher() }
        // The bodies of a job share the room in memory, so that two jobs cannot each wait for what the other holds.
        let group = indices.isEmpty ? nil : (try? made.get())?.group(of: indices.count)
        for index in indices {
            let image = job.images[index]
            do throws(FetchError) {
                var request = Self.request(for: image)
                request.group = group
                _ = try made.get().start(request) { result in
                    end(
                        index,
                        result.mapError { PictureFailure($0) }.flatMap { Self.verified($0, image) }.map { .body($0) })
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
        if Self.isCell(image) { return try remoteTables.bytes(of: image) }
        let body: FetchedBytes
        do throws(FetchError) {
            body = try fetcher.fetcher().fetch(Self.request(for: image))
        } catch {
            throw PictureFailure(error)
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
        return FetchRequest(image.path, range: FetchRange(offset: offset, count: count))
    }
}

extension JobImage {
    /// What a worker verifies of its file.
    package var expectation: FileExpectation {
        FileExpectation(size: size, modificationTime: modified, contentHash: contentHash)
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
}
