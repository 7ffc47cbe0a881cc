import Base
import Foundation
import PaliGemma
import Synchronization
import Tensor
import Wire

/// Features of pictures that a prefill needs: the main thread puts in the frames that arrive, the compute thread waits
/// for the rows that it needs.
package final class FeatureStore: @unchecked Sendable {
    // @unchecked: every access to the pictures holds the lock; rows are written before they are announced.
    private let tokens: Int
    private let width: Int
    private let computeLock: HostComputeLock?
    private let timeline: Timeline?
    private let condition = NSCondition()
    private var pictures: [UInt64: Picture] = [:]

    private final class Picture {
        /// [T, D] float32; only the rows of this rank's share are ever touched.
        let memory: Matrix
        var arrived: [Range<Int>] = []
        var damaged: [Range<Int>] = []

        init(tokens: Int, width: Int) { memory = Matrix(rows: tokens, columns: width) }
    }

    private let awaited = Atomic<Bool>(false)
    /// Whether the compute thread waits for features; for any thread to ask.
    package var isAwaited: Bool { awaited.load(ordering: .relaxed) }

    /// How long the compute thread has waited for features so far, in seconds; written by it alone.
    package private(set) var waitingSeconds = 0.0

    package init(_ configuration: VisionConfiguration, computeLock: HostComputeLock? = nil, timeline: Timeline? = nil) {
        tokens = configuration.tokens
        width = configuration.width
        self.computeLock = computeLock
        self.timeline = timeline
    }

    /// Puts in a Features frame. A damaged one makes its rows unusable, or all of its picture where even the header
    /// cannot be trusted, and nothing else.
    ///
    /// - Throws: `protocolViolation` for features of another shape or picture.
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
            update(place.pictureID) { picture in
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
            update(header.routing.itemID) { $0.damaged.append(first..<first + Int(header.routing.rowCount)) }
        } catch {
            update(picture) { $0.damaged.append(0..<tokens) }
        }
    }

    /// Waits for rows of a picture and returns them, [rows, D]; nil where some of them were damaged. The view is valid
    /// until ``remove(_:)``.
    package func rows(_ rows: Range<Int>, of picture: UInt64) -> MatrixView? {
        switch condition.withLock({ availability(of: rows, picture) }) {
        case .complete(let view): return view
        case .damaged: return nil
        case .incomplete: break
        }
        let start = Timeline.now()
        awaited.store(true, ordering: .relaxed)
        defer {
            awaited.store(false, ordering: .relaxed)
            noteWait(since: start)
        }
        return computeLock.releasedWhile {
            condition.lock()
            defer { condition.unlock() }
            while true {
                switch availability(of: rows, picture) {
                case .complete(let view): return view
                case .damaged: return nil
                case .incomplete: condition.wait()
                }
            }
        }
    }

    /// Whether rows can be used.
    private enum Availability {
        /// More is to come.
        case incomplete
        /// All have come, and some of them are damaged.
        case damaged
        /// All have come undamaged: [rows, D].
        case complete(MatrixView)
    }

    /// Returns whether rows can be used; the caller holds the lock. Damaged rows count as having come: a picture is
    /// only removed when nothing more of it will come.
    private func availability(of rows: Range<Int>, _ id: UInt64) -> Availability {
        guard let picture = pictures[id], (picture.arrived + picture.damaged).cover(rows) else { return .incomplete }
        if picture.damaged.contains(where: { $0.overlaps(rows) }) { return .damaged }
        return .complete(picture.memory.view.rows(rows))
    }

    /// Removes pictures whose prefill is over.
    package func remove(_ ids: [UInt64]) {
        condition.withLock { for id in ids { pictures[id] = nil } }
    }

    private func noteWait(since start: UInt64) {
        let waited = Timeline.now() - start
        waitingSeconds += Double(waited) / 1e9
        if waited > Timeline.minimumWait { timeline?.record("wait for features", thread: "stage", from: start) }
    }

    private func update(_ id: UInt64, _ change: (Picture) -> Void) {
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
