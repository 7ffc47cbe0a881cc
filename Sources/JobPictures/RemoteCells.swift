import Base
import Fetch
import Foundation
import Pictures
import Queue
import Tables

/// Reads pictures out of cells of parquet files on servers, by requests for parts of them, on a thread of its own: the
/// threads that prepare jobs do not wait for servers.
final class RemoteCells: Sendable {
    /// The most blocks of a file that stay in memory; so many MiB for each of the open files.
    private static let blocks = 16

    private struct Request: Sendable {
        let image: JobImage
        let completion: @Sendable (Result<[UInt8], PictureFailure>) -> Void
    }

    private let cells: TableCells
    private let work = Mailbox<Request>()
    private let state = Locked((isStarted: false, isStopped: false))

    init(_ fetcher: SharedFetcher) {
        cells = TableCells(identify: { _ in nil }) { image in
            let source = try FetchRangeSource(image.path, from: try fetcher.fetcher(), blocks: Self.blocks)
            if let size = image.size, size != Int64(source.size) {
                throw ImageError(otherSize: Int64(source.size), of: image)
            }
            return try ParquetFile(source, name: MaskedURL.text(image.path))
        }
    }

    deinit { work.close() }

    /// Ends the thread when it has ended what was asked for.
    func stop() {
        state.withLock { $0.isStopped = true }
        work.close()
    }

    /// Reads a cell on the thread.
    func read(_ image: JobImage, _ completion: @escaping @Sendable (Result<[UInt8], PictureFailure>) -> Void) {
        let isStopped = state.withLock { state in
            if !state.isStopped {
                if !state.isStarted { start() }
                state.isStarted = true
                work.put(Request(image: image, completion: completion))
            }
            return state.isStopped
        }
        // Nothing is fetched any more, so that this does not wait.
        if isStopped { completion(Result { () throws(PictureFailure) in try bytes(of: image) }) }
    }

    /// Starts the thread, which does not hold this object: it ends with it.
    private func start() {
        Thread.start("cells", stackBytes: 1 << 20) { [work, cells] in
            while case .item(let request) = work.takeFirst() {
                request.completion(Result { () throws(PictureFailure) in try Self.bytes(of: request.image, in: cells) })
            }
        }
    }

    /// Reads a cell, and waits for it.
    ///
    /// - Throws: ``PictureFailure``.
    func bytes(of image: JobImage) throws(PictureFailure) -> [UInt8] { try Self.bytes(of: image, in: cells) }

    private static func bytes(of image: JobImage, in cells: TableCells) throws(PictureFailure) -> [UInt8] {
        guard case .cell(let column, let row)? = image.part else { return [] }
        do {
            return try cells.bytes(of: image, column: column, row: row)
        } catch {
            throw PictureFailure(error, of: image)
        }
    }
}
