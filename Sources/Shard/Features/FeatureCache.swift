import Base
import Tensor

/// The features of one picture, [T, D] float32, before the projector.
final class PictureFeatures {
    private let memory: Matrix
    var view: MatrixView { memory.view }
    var byteCount: Int { view.bytes.count }

    /// The contents are undefined until written.
    init(tokens: Int, width: Int) { memory = Matrix(rows: tokens, columns: width) }
}

/// A cache of the features of the pictures that a vision rank encoded last, by content: another question about a
/// picture needs no second pass of the vision tower. It is bounded, and the least recently used features are dropped
/// first.
///
/// Used on the stage's thread only.
final class FeatureCache {
    /// The XXH3-128 of the pixels that the tower takes, so two files of the same picture are one, and the fingerprint
    /// of the adapter.
    typealias Key = String

    private struct Entry {
        let features: PictureFeatures
        var lastUse: UInt64
    }

    private let limit: Int
    /// Holds what does not fit into memory, and the features of earlier worlds; nil for no folder.
    private let folder: FeatureFolder?
    private var entries: [Key: Entry] = [:]
    private var bytes = 0
    private var uses: UInt64 = 0

    /// Nil where nothing is to be kept.
    ///
    /// - Parameter limit: The maximum size of the features in memory, in bytes.
    init?(limit: Int, folder: FeatureFolder?) {
        guard limit > 0 || folder != nil else { return nil }
        self.limit = limit
        self.folder = folder
    }

    /// Returns the key of a picture's features.
    ///
    /// - Parameters:
    ///   - rgb: [side, side, 3] bytes.
    ///   - adapter: The fingerprint of the adapter; nil for none.
    ///   - isBatchInvariant: Whether the features are the same bits whatever else was in the batch.
    static func key(ofPixels rgb: [UInt8], adapter: String?, isBatchInvariant: Bool) -> Key {
        ContentHash.hexadecimal(of: rgb) + (adapter.map { "-" + $0 } ?? "") + (isBatchInvariant ? "-alone" : "")
    }

    /// Returns the features of a picture that is known; nil for others.
    func features(of key: Key) -> PictureFeatures? {
        uses += 1
        if let known = entries[key] {
            entries[key]?.lastUse = uses
            return known.features
        }
        guard let features = folder?.read(key) else { return nil }
        keep(features, for: key)
        return features
    }

    /// Adds the features of a picture that was encoded.
    func insert(_ features: PictureFeatures, for key: Key) {
        uses += 1
        keep(features, for: key)
        folder?.write(features, for: key)
    }

    private func keep(_ features: PictureFeatures, for key: Key) {
        let size = features.byteCount
        guard size <= limit, entries[key] == nil else { return }
        while bytes + size > limit, let oldest = entries.min(by: { $0.value.lastUse < $1.value.lastUse }) {
            bytes -= oldest.value.features.byteCount
            entries[oldest.key] = nil
        }
        entries[key] = Entry(features: features, lastUse: uses)
        bytes += size
    }
}
