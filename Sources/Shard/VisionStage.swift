import Foundation
import PaliGemma
import Wire

/// The vision stage of a rank: PixelBatch frames in, Features frames out to the Gemma ranks that own the rows, each
/// block of rows as soon as it is finished.
package final class VisionStage: @unchecked Sendable {
    // @unchecked: the tower is only used on the stage's thread.

    /// Rows of one Features frame at most: 1.2 MB of So400m's features.
    private static let rowsPerFrame = 256

    private let tower: VisionTower
    private let thread: StageThread
    private let sender: any FrameSender
    private let configuration: VisionConfiguration
    /// Rounds the features for the wire; nil where they travel as they are.
    private let codec: LinkCodec?
    private let timeline: Timeline?
    private let fault: FeatureFault?
    /// Written on the stage's thread.
    package private(set) var counters = Counters()

    package struct Counters: Sendable {
        package var pictures = 0
        package var seconds = 0.0
        /// When the first picture's arithmetic began (``Timeline/now()``).
        package var firstStart: UInt64?
    }

    package var meter: OperationMeter { tower.meter }

    package init(
        tower: VisionTower, configuration: VisionConfiguration, thread: StageThread, sender: any FrameSender,
        codec: LinkCodec? = nil, turn: HostTurn? = nil, timeline: Timeline?,
        fault: FeatureFault? = FeatureFault.fromEnvironment()
    ) {
        self.tower = tower
        self.configuration = configuration
        self.thread = thread
        self.sender = sender
        self.codec = codec
        self.timeline = timeline
        self.fault = fault
        // A pass is long: those who wait for a turn get one after every layer.
        if let turn { tower.observer = { _, _ in turn.pass() } }
    }

    /// Takes a batch that arrived; it is encoded after those before it.
    package func receive(_ batch: PixelBatch) throws(ShardError) {
        guard Int(batch.side) == configuration.imageSize else {
            throw ShardError.protocolViolation(rank: 0, reason: "pictures of \(batch.side) pixels")
        }
        thread.enqueue { [self] in
            try timeline.span("encode", thread: "stage", detail: "\(batch.pictures.count) pictures") {
                try encode(batch)
            }
        }
    }

    private func encode(_ batch: PixelBatch) throws {
        let start = Timeline.now()
        Fault.before(.encode)
        counters.firstStart = counters.firstStart ?? start
        var failure: (any Error)?
        let adapters = batch.pictures.map { $0.adapter == 0 ? nil : Int($0.adapter) - 1 }
        tower.encode(batch.pictures.map(\.rgb), adapters: adapters) { rows, features in
            guard failure == nil else { return }
            do {
                if rows.lowerBound == 0 { try report(batch, finished: false) }
                try send(features, rows: rows, of: batch)
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
        Fault.after(.encode)
        try report(batch, finished: true)
        counters.pictures += batch.pictures.count
        counters.seconds += Double(Timeline.now() - start) / 1e9
    }

    private func report(_ batch: PixelBatch, finished: Bool) throws {
        sender.send(try Frame.encode(Encoded(batchID: batch.batchID, finished: finished)), to: 0)
    }

    /// Sends the rows of a block to whoever wants them.
    private func send(_ features: MatrixView, rows: Range<Int>, of batch: PixelBatch) throws {
        for (index, picture) in batch.pictures.enumerated() {
            let first = index * configuration.tokens
            for route in batch.routes where route.pictureID == picture.id {
                let wanted = first + Int(route.firstRow)..<first + Int(route.firstRow + route.rowCount)
                let common = wanted.clamped(to: rows)
                for start in stride(from: common.lowerBound, to: common.upperBound, by: Self.rowsPerFrame) {
                    let part = start..<min(start + Self.rowsPerFrame, common.upperBound)
                    let place = Features.Place(
                        batchID: batch.batchID, pictureID: picture.id, firstRow: UInt32(part.lowerBound - first),
                        rows: UInt32(part.count), width: UInt32(features.columns),
                        encoding: codec == nil ? .float32 : .bfloat16)
                    let view = features.rows(part.lowerBound - rows.lowerBound..<part.upperBound - rows.lowerBound)
                    var frame = try encode(view, at: place)
                    fault?.strike(&frame, picture: picture.id, firstRow: place.firstRow)
                    sender.send(frame, to: Int(route.destinationRank), about: picture.id)
                }
            }
        }
    }
}

extension VisionStage {
    private func encode(_ view: MatrixView, at place: Features.Place) throws -> [UInt8] {
        guard let codec else { return try Frame.encodeFeatures(place, data: UnsafeRawBufferPointer(view.bytes)) }
        let count = view.rows * view.columns * LinkCodec.bytesOfNumber
        return try withUnsafeTemporaryAllocation(byteCount: count, alignment: 64) { wire in
            if let base = wire.baseAddress { codec.narrow(view, into: base) }
            return try Frame.encodeFeatures(place, data: UnsafeRawBufferPointer(wire))
        }
    }
}

/// A fault switch for tests: `PALIGEMMA_FAULT=flip-features:N:B` flips a bit of byte B (of the last one, where the frame
/// is shorter) in the first Features frame of picture N. Pictures of a world are numbered from 1 in the order in which
/// they are leased.
package struct FeatureFault: Sendable {
    let picture: UInt64
    let byte: Int

    package static func fromEnvironment() -> FeatureFault? {
        let parts = (ProcessInfo.processInfo.environment["PALIGEMMA_FAULT"] ?? "").split(separator: ":")
        guard parts.count == 3, parts[0] == "flip-features", let picture = UInt64(parts[1]), let byte = Int(parts[2])
        else { return nil }
        return FeatureFault(picture: picture, byte: byte)
    }

    func strike(_ frame: inout [UInt8], picture: UInt64, firstRow: UInt32) {
        if picture == self.picture, firstRow == 0, !frame.isEmpty { frame[min(byte, frame.count - 1)] ^= 0x10 }
    }
}
