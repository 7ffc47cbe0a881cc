import Base
import Foundation
import PaliGemma
import Pictures

#if canImport(Glibc)
    import Glibc
#endif

/// Features of pictures on a disk, a file each, for worlds to come and those beside. Bounded; what was not asked for the
/// longest goes first. Files come and go as a whole, so that any number of processes may share a folder; one that is
/// not whole counts as not there, and nothing that goes wrong here is worth more than a word.
///
///     magic "PGFEAT01", XXH3-128 of the numbers as 32 hexadecimal digits, rows and columns as UInt32, float32 numbers,
///     all little-endian
package final class FeatureFolder {
    private static let magic = Array("PGFEAT01".utf8)
    private static let headerBytes = magic.count + 32 + 8
    private static let suffix = ".features"
    /// Of the limit: where it is passed, so much stays.
    private static let kept = 0.9

    private let path: String
    private let limit: Int
    private let tokens: Int
    private let width: Int
    private let onTrouble: (String) -> Void
    private var bytes: Int
    private var saidTrouble = false

    /// - Parameters:
    ///   - path: made where it is not there.
    ///   - fingerprint: of the model whose features these are; others have folders of their own.
    ///   - limit: bytes of all files of this model.
    ///   - onTrouble: is told once, for a person, where files cannot be written.
    /// - Throws: `featureFolder`, where it cannot be used.
    package init(
        path: String, fingerprint: String, limit: Int, configuration: VisionConfiguration,
        onTrouble: @escaping (String) -> Void
    ) throws(ShardError) {
        self.path = path + "/" + fingerprint
        self.limit = limit
        self.onTrouble = onTrouble
        (tokens, width) = (configuration.tokens, configuration.width)
        bytes = 0
        do {
            try FileManager.default.createDirectory(atPath: self.path, withIntermediateDirectories: true)
        } catch {
            throw ShardError.featureFolder(path: self.path, reason: "it is no folder and cannot be made one")
        }
        guard access(self.path, R_OK | W_OK | X_OK) == 0 else {
            throw ShardError.featureFolder(path: self.path, reason: String(cString: strerror(errno)))
        }
        bytes = files().reduce(0) { $0 + $1.size }
        if bytes > limit { makeRoom() }
    }

    func read(_ key: FeatureCache.Key) -> PictureFeatures? {
        let file = file(key)
        guard let data = FileManager.default.contents(atPath: file) else { return nil }
        let features = PictureFeatures(tokens: tokens, width: width)
        let isWhole = data.withUnsafeBytes { data in
            guard data.count == Self.headerBytes + features.byteCount,
                data.starts(with: header(of: data.dropFirst(Self.headerBytes)))
            else { return false }
            features.view.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: data.dropFirst(Self.headerBytes)))
            return true
        }
        guard isWhole else {
            unlink(file)
            return nil
        }
        // It was asked for now.
        utimes(file, nil)
        return features
    }

    func write(_ features: PictureFeatures, for key: FeatureCache.Key) {
        let numbers = UnsafeRawBufferPointer(features.view.bytes)
        let size = Self.headerBytes + numbers.count
        guard size <= limit else { return }
        let temporary = path + "/.\(key).\(getpid())"
        let data = Data(header(of: numbers[...])) + Data(numbers)
        guard (try? data.write(to: URL(fileURLWithPath: temporary))) != nil, rename(temporary, file(key)) == 0 else {
            unlink(temporary)
            if !saidTrouble { onTrouble("features cannot be kept in \(path): is there room, and may it be written?") }
            saidTrouble = true
            return
        }
        bytes += size
        if bytes > limit { makeRoom() }
    }

    private func file(_ key: FeatureCache.Key) -> String { path + "/" + key + Self.suffix }

    private func header(of numbers: Slice<UnsafeRawBufferPointer>) -> [UInt8] {
        let hash = ContentHash.hexadecimal(of: UnsafeRawBufferPointer(rebasing: numbers))
        let shape = [UInt32(tokens), UInt32(width)].flatMap { number in
            (0..<4).map { UInt8(truncatingIfNeeded: number >> (8 * $0)) }
        }
        return Self.magic + Array(hash.utf8) + shape
    }

    // MARK: Room

    private struct File {
        let name: String
        let size: Int
        /// When it was last asked for, in nanoseconds since 1970.
        let time: Int64
    }

    private func files() -> [File] {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: path)) ?? []
        return names.filter { $0.hasSuffix(Self.suffix) }.compactMap { name in
            (try? FileStamp(path: path + "/" + name)).map {
                File(name: name, size: Int($0.size), time: $0.modificationTime)
            }
        }
    }

    /// Others write and remove here too: what counts is what is there.
    private func makeRoom() {
        let files = files().sorted { $0.time < $1.time }
        bytes = files.reduce(0) { $0 + $1.size }
        for file in files where Double(bytes) > Self.kept * Double(limit) {
            unlink(path + "/" + file.name)
            bytes -= file.size
        }
    }
}
