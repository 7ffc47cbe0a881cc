import Base
import Foundation
import PaliGemma
import Synchronization
import Tensor
import Wire

/// Features of pictures on their way into a prefill: the main thread puts in the frames that arrive, the compute
/// thread waits for the rows that it needs.
package final class FeatureStore: @unchecked Sendable {
    // @unchecked: every access to the pictures holds the lock; rows are written before they are announced.
    private let tokens: Int
    private let width: Int
    private let turn: HostTurn?
    private let timeline: Timeline?
    private let condition = NSCondition()
    private var pictures: [UInt64: Picture] = [:]

    private final class Picture {
        /// [T, D]: only the rows of this rank's share are ever touched.
        let memory: Matrix
        var arrived: [Range<Int>] = []
        var damaged: [Range<Int>] = []

        init(tokens: Int, width: Int) { memory = Matrix(rows: tokens, columns: width) }
    }

    private let awaited = Atomic<Bool>(false)
    /// Whether the compute thread waits for features; for any thread to ask.
    package var isAwaited: Bool { awaited.load(ordering: .relaxed) }

    /// Seconds that the compute thread spent waiting for features; written by it alone.
    package private(set) var waitingSeconds = 0.0

    package init(_ configuration: VisionConfiguration, turn: HostTurn? = nil, timeline: Timeline? = nil) {
        tokens = configuration.tokens
        width = configuration.width
        self.turn = turn
        self.timeline = timeline
    }

    /// Puts in a Features frame. A damaged one makes its rows unusable, or all of its picture where even the header
    /// cannot be believed, and nothing else.
    package func receive(
        _ frame: UnsafeRawBufferPointer, of picture: UInt64, from source: Int
    ) throws(ShardError) {
        do {
            let (place, data) = try Frame.decodeFeatures(frame)
            let rows = Int(place.firstRow)..<Int(place.firstRow) + Int(place.rows)
            guard place.pictureID == picture, Int(place.width) == width,
                rows.upperBound <= tokens
            else {
                throw ShardError.protocolViolation(rank: source, reason: "features of another model: \(place)")
            }
            announce(place.pictureID) { picture in
                let view = picture.memory.view.rows(rows)
                switch place.encoding {
                case .float32: view.bytes.copyMemory(from: data)
                case .bfloat16: LinkCodec.widen(data, into: view)
                }
                picture.arrived.append(rows)
            }
        } catch let error as ShardError {
            throw error
        } catch WireError.corruptPayload(let header) {
            let first = Int(header.routing.firstRow)
            announce(header.routing.itemID) { $0.damaged.append(first..<first + Int(header.routing.rowCount)) }
        } catch {
            announce(picture) { $0.damaged.append(0..<tokens) }
        }
    }

    /// Rows of a picture, once they are there; nil where some of them were damaged. The view lives until
    /// ``remove(_:)``.
    package func rows(_ rows: Range<Int>, of picture: UInt64) -> MatrixView? {
        if let there = condition.withLock({ arrived(rows, of: picture) }) { return there.view }
        let start = Timeline.now()
        awaited.store(true, ordering: .relaxed)
        defer {
            awaited.store(false, ordering: .relaxed)
            noteWait(since: start)
        }
        return turn.whileWaiting {
            condition.lock()
            defer { condition.unlock() }
            while true {
                if let there = arrived(rows, of: picture) { return there.view }
                condition.wait()
            }
        }
    }

    /// Rows that are there, without a view where some were damaged; nil where more is to come. Damaged rows count as
    /// arrived: a picture is only let go when nothing more of it will come.
    private func arrived(_ rows: Range<Int>, of id: UInt64) -> (view: MatrixView?, Void)? {
        guard let picture = pictures[id], (picture.arrived + picture.damaged).cover(rows) else { return nil }
        let isWhole = !picture.damaged.contains { $0.overlaps(rows) }
        return (isWhole ? picture.memory.view.rows(rows) : nil, ())
    }

    /// Forgets pictures whose prefill is over.
    package func remove(_ ids: [UInt64]) {
        condition.withLock { for id in ids { pictures[id] = nil } }
    }

    private func noteWait(since start: UInt64) {
        let waited = Timeline.now() - start
        waitingSeconds += Double(waited) / 1e9
        if waited > Timeline.minimumWait { timeline?.record("wait for features", thread: "stage", from: start) }
    }

    private func announce(_ id: UInt64, _ change: (Picture) -> Void) {
        condition.lock()
        let picture = pictures[id] ?? Picture(tokens: tokens, width: width)
        pictures[id] = picture
        change(picture)
        condition.broadcast()
        condition.unlock()
    }
}

extension [Range<Int>] {
    /// Whether the ranges together hold all of `wanted`.
    fileprivate func cover(_ wanted: Range<Int>) -> Bool {
        var position = wanted.lowerBound
        for range in sorted(by: { $0.lowerBound < $1.lowerBound }) where range.lowerBound <= position {
            position = Swift.max(position, range.upperBound)
        }
        return position >= wanted.upperBound
    }
}
