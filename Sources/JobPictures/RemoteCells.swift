import Base
import Fetch
import Foundation
import Pictures
import Queue
import Tables

/// Reads pictures out of cells of parquet files on servers, by requests for parts of them, on threads of its own: those that
/// prepare jobs do not wait for servers. A file is read by one thread, which fetches ahead of it; a file whose server is slow
/// does not hold up those of others.
final class RemoteCells: Sendable {
    /// The number of threads, each with the file that it read last.
    private static let laneCount = 4
    /// The most blocks of a file that stay in memory: so many MiB for each of the threads.
    private static let blocks = 16

    private struct Request: Sendable {
        let image: JobImage
        let group: FetchGroup?
        let completion: @Sendable (Result<HeldBytes, PictureFailure>) -> Void
    }

    /// A thread with its open file.
    private struct Lane: Sendable {
        let work = Mailbox<Request>()
        let reader: CellReader
    }

    private struct State {
        /// The path whose cells each lane reads; the lane that was used last is the last.
        var paths: [(lane: Int, path: String)] = []
        var isStopped = false
    }

    private let fetcher: SharedFetcher
    private let lanes: [Lane]
    private let state = Locked(State())

    init(_ fetcher: SharedFetcher) {
        self.fetcher = fetcher
        lanes = (0..<Self.laneCount).map { _ in Lane(reader: CellReader(fetcher, blocks: Self.blocks)) }
    }

    deinit { for lane in lanes { lane.work.close() } }

    /// Ends the threads when they have ended what was asked for.
    func stop() {
        state.withLock { $0.isStopped = true }
        for lane in lanes { lane.work.close() }
    }

    /// Reads a cell on a thread. Its bytes count in the fetcher's budget.
    ///
    /// - Parameters:
    ///   - group: Of which the cell is a member; it ends with the cell.
    ///   - completion: Called once, on that thread or on this one; it must not wait.
    func read(
        _ image: JobImage, group: FetchGroup?,
        _ completion: @escaping @Sendable (Result<HeldBytes, PictureFailure>) -> Void
    ) {
        let request = Request(image: image, group: group, completion: completion)
        let isStopped = state.withLock { state in
            if !state.isStopped { lanes[lane(for: image.path, &state)].work.put(request) }
            return state.isStopped
        }
        // Nothing is fetched any more, so that this does not wait.
        if isStopped { Self.answer(request, lanes[0].reader, fetcher) }
    }

    /// Returns the lane that reads a file, else the one that was used longest ago, and starts its thread.
    private func lane(for path: String, _ state: inout State) -> Int {
        let index: Int
        if let known = state.paths.firstIndex(where: { $0.path.isExactly(path) }) {
            index = state.paths.remove(at: known).lane
        } else if state.paths.count < lanes.count {
            index = state.paths.count
            start(lanes[index], number: index)
        } else {
            index = state.paths.removeFirst().lane
        }
        state.paths.append((index, path))
        return index
    }

    /// Starts a thread, which does not hold this object: it ends with it.
    private func start(_ lane: Lane, number: Int) {
        Thread.start("cells-\(number)", stackBytes: 1 << 20) { [fetcher] in
            while case .item(let request) = lane.work.takeFirst() { Self.answer(request, lane.reader, fetcher) }
        }
    }

    private static func answer(_ request: Request, _ reader: CellReader, _ shared: SharedFetcher) {
        let fetcher = try? shared.fetcher()
        let result = Result { () throws(PictureFailure) in try reader.bytes(of: request.image) }
        switch (result, fetcher) {
        case (.success(let bytes), let fetcher?):
            request.completion(.success(fetcher.hold(bytes, of: request.group)))
        case (.failure(let failure), _):
            if let group = request.group { fetcher?.endMember(of: group) }
            request.completion(.failure(failure))
        case (.success, nil): break
        }
    }

    /// Reads a cell, and waits for it.
    ///
    /// - Throws: ``PictureFailure``.
    func bytes(of image: JobImage) throws(PictureFailure) -> [UInt8] {
        let ended = DispatchSemaphore(value: 0)
        let result = Locked<Result<HeldBytes, PictureFailure>?>(nil)
        read(image, group: nil) { outcome in
            result.withLock { $0 = outcome }
            ended.signal()
        }
        ended.wait()
        return try result.withLock { $0 }?.get().bytes ?? []
    }
}

/// Reads cells of the parquet file of a server that it read last, or of another one.
private struct CellReader: Sendable {
    private let cells: TableCells<JobImage.Validator?>

    init(_ fetcher: SharedFetcher, blocks: Int) {
        cells = TableCells(
            maximumOpen: 1, identify: { $0.validator }, openFile: { try Self.opened($0, fetcher, blocks: blocks) })
    }

    private static func opened(_ image: JobImage, _ fetcher: SharedFetcher, blocks: Int) throws -> ParquetFile {
        let source = try FetchRangeSource(
            image.path, from: try fetcher.fetcher(), validator: image.fetchValidator, blocks: blocks)
        if let size = image.size, size != Int64(source.size) {
            throw ImageError(otherSize: Int64(source.size), of: image)
        }
        return try ParquetFile(source, name: MaskedURL.text(image.path))
    }

    /// - Throws: ``PictureFailure``.
    func bytes(of image: JobImage) throws(PictureFailure) -> [UInt8] {
        guard case .cell(let column, let row)? = image.part else { return [] }
        do {
            do {
                return try cells.bytes(of: image, column: column, row: row)
            } catch let error as FetchError where error.code == .changed && image.validator == nil {
                // Any state of the file will do, but all of it must be of one: it is opened anew.
                return try cells.bytes(of: image, column: column, row: row)
            }
        } catch {
            throw PictureFailure(error, of: image)
        }
    }
}
