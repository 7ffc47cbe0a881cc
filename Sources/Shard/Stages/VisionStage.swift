import Base
import Foundation
import PaliGemma
import Tensor
import Wire

/// The vision stage of a rank: it takes PixelBatch frames and sends Features frames to the Gemma ranks that own the
/// rows, each block of rows as soon as it is finished.
package final class VisionStage: @unchecked Sendable {
    // @unchecked: the tower is only used on the stage's thread.

    /// The maximum number of rows in a Features frame: 1.2 MB of So400m's features.
    private static let maximumFrameRows = 256

    private let tower: VisionTower
    private let thread: StageThread
    private let sender: any FrameSender
    private let configuration: VisionConfiguration
    /// Rounds the features for the wire; nil where they are sent as float32.
    private let codec: LinkCodec?
    private let cache: FeatureCache?
    private let adapterFingerprints: [String]
    private let computeLock: HostComputeLock?
    private let timeline: Timeline?
    private let fault: FeatureFault?
    /// Written on the stage's thread.
    package private(set) var counters = Counters()

    package struct Counters: Sendable {
        /// Pictures that the tower encoded.
        package var pictures = 0
        /// Pictures whose features were known.
        package var knownPictures = 0
        package var seconds = 0.0
        /// When the first picture's arithmetic began (``Timeline/now()``).
        package var firstStart: UInt64?
    }

    package var meter: OperationMeter { tower.meter }

    /// - Parameters:
    ///   - cacheBytes: The maximum size of the features that are kept in memory, in bytes.
    ///   - folder: Where features are kept on a disk; nil for nowhere.
    ///   - adapterFingerprints: One per adapter, in the order of their indexes; a picture has other features with
    ///     another.
    package init(
        tower: VisionTower, configuration: VisionConfiguration, thread: StageThread, sender: any FrameSender,
        codec: LinkCodec? = nil, cacheBytes: Int = 0, folder: FeatureFolder? = nil, adapterFingerprints: [String] = [],
        computeLock: HostComputeLock? = nil, timeline: Timeline?,
        fault: FeatureFault? = FeatureFault.fromEnvironment()
    ) {
        self.tower = tower
        self.configuration = configuration
        self.thread = thread
        self.sender = sender
        self.codec = codec
        cache = FeatureCache(limit: cacheBytes, folder: folder)
        self.adapterFingerprints = adapterFingerprints
        self.timeline = timeline
        self.fault = fault
        self.computeLock = computeLock
    }

    /// Takes a batch that arrived; it is encoded after those before it.
    ///
    /// - Throws: `protocolViolation` for pictures of another size than the model's.
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

    /// Pictures of a batch that have the same features.
    private struct Group {
        let key: FeatureCache.Key
        let rgb: [UInt8]
        let adapter: Int?
        var ids: [UInt64]
    }

    private func encode(_ batch: PixelBatch) throws {
        let start = Timeline.now()
        FaultSwitch.before(.encode)
        var hasBegun = false
        func emit(_ features: MatrixView, rows: Range<Int>, of groups: [Group]) throws {
            if !hasBegun { try report(batch, finished: false) }
            hasBegun = true
            try send(features, rows: rows, of: groups, in: batch)
        }
        var unknown: [Group] = []
        for group in groups(of: batch) {
            guard let known = cache?.features(of: group.key) else {
                unknown.append(group)
                continue
            }
            try emit(known.view, rows: 0..<configuration.tokens, of: [group])
        }
        counters.knownPictures += batch.pictures.count - unknown.count
        if !unknown.isEmpty {
            counters.firstStart = counters.firstStart ?? Timeline.now()
            // A product of more rows may differ in a last bit.
            for groups in batch.isBatchInvariant ? unknown.map({ [$0] }) : [unknown] { try encode(groups, emit: emit) }
        }
        FaultSwitch.after(.encode)
        try report(batch, finished: true)
        counters.pictures += unknown.count
        counters.seconds += Double(Timeline.now() - start) / 1e9
    }

    private func groups(of batch: PixelBatch) -> [Group] {
        guard cache != nil else {
            return batch.pictures.map { Group(key: "", rgb: $0.rgb, adapter: $0.adapter, ids: [$0.id]) }
        }
        var groups: [Group] = []
        var places: [FeatureCache.Key: Int] = [:]
        for picture in batch.pictures {
            let adapter = picture.adapter.map {
                adapterFingerprints.indices.contains($0) ? adapterFingerprints[$0] : "\($0)"
            }
            let key = FeatureCache.key(
                ofPixels: picture.rgb, adapter: adapter, isBatchInvariant: batch.isBatchInvariant)
            if let place = places[key] {
                groups[place].ids.append(picture.id)
            } else {
                places[key] = groups.count
                groups.append(Group(key: key, rgb: picture.rgb, adapter: picture.adapter, ids: [picture.id]))
            }
        }
        return groups
    }

    /// Does one pass of the tower. Blocks are sent as they are finished, and what is to be kept is copied.
    private func encode(_ groups: [Group], emit: (MatrixView, Range<Int>, [Group]) throws -> Void) throws {
        let tokens = configuration.tokens
        let kept = groups.map { _ in cache.map { _ in PictureFeatures(tokens: tokens, width: configuration.width) } }
        // A pass is long: the other ranks of the host may compute after every layer.
        func yieldCores(_ layer: Int, _ x: MatrixView) { computeLock?.yield() }
        try tower.encode(groups.map(\.rgb), adapters: groups.map(\.adapter), afterLayer: yieldCores) { rows, features in
            try emit(features, rows, groups)
            for (index, copy) in kept.enumerated() {
                let common = rows.clamped(to: index * tokens..<(index + 1) * tokens)
                guard let copy, !common.isEmpty else { continue }
                copy.view.rows(common.lowerBound - index * tokens..<common.upperBound - index * tokens)
                    .copy(
                        from: features.rows(common.lowerBound - rows.lowerBound..<common.upperBound - rows.lowerBound))
            }
        }
        for (group, copy) in zip(groups, kept) {
            if let copy { cache?.insert(copy, for: group.key) }
        }
    }

    private func report(_ batch: PixelBatch, finished: Bool) throws {
        sender.send(try Frame.encode(Encoded(batchID: batch.batchID, finished: finished)), to: 0)
    }

    /// Sends the rows of a block to the ranks that own them.
    ///
    /// - Parameters:
    ///   - features: [rows, D] float32.
    ///   - rows: The rows of the block among those of all groups.
    private func send(_ features: MatrixView, rows: Range<Int>, of groups: [Group], in batch: PixelBatch) throws {
        for (index, group) in groups.enumerated() {
            let first = index * configuration.tokens
            for route in batch.routes where group.ids.contains(route.pictureID) {
                let wanted = first + Int(route.firstRow)..<first + Int(route.firstRow + route.rowCount)
                let common = wanted.clamped(to: rows)
                for start in stride(from: common.lowerBound, to: common.upperBound, by: Self.maximumFrameRows) {
                    let part = start..<min(start + Self.maximumFrameRows, common.upperBound)
                    let place = Features.Place(
                        batchID: batch.batchID, pictureID: route.pictureID, firstRow: UInt32(part.lowerBound - first),
                        rows: UInt32(part.count), width: UInt32(features.columns),
                        encoding: codec == nil ? .float32 : .bfloat16)
                    let view = features.rows(part.lowerBound - rows.lowerBound..<part.upperBound - rows.lowerBound)
                    var frame = try encode(view, at: place)
                    fault?.flipBit(in: &frame, picture: route.pictureID, firstRow: place.firstRow)
                    sender.send(frame, to: Int(route.destinationRank), about: route.pictureID)
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
