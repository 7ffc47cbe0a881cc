import Base
import Tensor

/// The features of one picture, [T, D], before the projector.
final class PictureFeatures {
    private let memory: Matrix
    var view: MatrixView { memory.view }
    var byteCount: Int { view.bytes.count }

    /// The contents are undefined until written.
    init(tokens: Int, width: Int) { memory = Matrix(rows: tokens, columns: width) }
}

/// Features of the pictures that a vision rank saw last, by what is on them: another question about a picture costs no
/// second pass of the vision tower. Bounded; what was not asked for the longest goes first.
///
/// Used on the stage's thread only.
final class FeatureCache {
    /// XXH3-128 of the pixels that the tower takes, so two files of the same picture are one; and the adapter through
    /// which they are looked at.
    typealias Key = String

    private struct Entry {
        let features: PictureFeatures
        var lastUse: UInt64
    }

    private let limit: Int
    /// What has no room in memory, and what earlier worlds saw; nil for nothing.
    private let folder: FeatureFolder?
    private var entries: [Key: Entry] = [:]
    private var bytes = 0
    private var uses: UInt64 = 0

    /// Nil where nothing is to be kept.
    ///
    /// - Parameter limit: bytes of features in memory.
    init?(limit: Int, folder: FeatureFolder?) {
        guard limit > 0 || folder != nil else { return nil }
        self.limit = limit
        self.folder = folder
    }

    /// - Parameter alone: features that no other picture had a part in.
    static func key(ofPixels rgb: [UInt8], adapter: String?, alone: Bool) -> Key {
        ContentHash.hexadecimal(of: rgb) + (adapter.map { "-" + $0 } ?? "") + (alone ? "-alone" : "")
    }

    /// Of a picture that is known; nil for others.
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

    /// Takes the features of a picture that was encoded.
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
