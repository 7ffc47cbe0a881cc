import Base
import Foundation
import PaliGemma
import Pictures

#if canImport(Glibc)
    import Glibc
#endif

/// Features of pictures on a disk, one file each, which other worlds use too. The folder is bounded, and the least
/// recently used features are removed first. Files are written and removed as a whole, so that any number of processes
/// may share a folder; a damaged file counts as missing, and an error here is reported and otherwise ignored.
///
///     magic "PGFEAT01", XXH3-128 of the numbers as 32 hexadecimal digits, rows and columns as UInt32, float32 numbers,
///     all little-endian
package final class FeatureFolder {
    private static let magic = Array("PGFEAT01".utf8)
    private static let headerBytes = magic.count + 32 + 8
    private static let suffix = ".features"
    /// The part of the limit that is kept when files are removed.
    private static let keptPart = 0.9

    private let path: String
    private let limit: Int
    private let tokens: Int
    private let width: Int
    private let onError: (String) -> Void
    private var bytes: Int
    private var hasReportedError = false

    /// - Parameters:
    ///   - path: The folder, which is made where it does not exist.
    ///   - fingerprint: Identifies the model whose features these are; other models have subfolders of their own.
    ///   - limit: The maximum size of all files of this model, in bytes.
    ///   - onError: Called once, with a message for a person, when a file cannot be written.
    /// - Throws: `featureFolder`, where it cannot be used.
    package init(
        path: String, fingerprint: String, limit: Int, configuration: VisionConfiguration,
        onError: @escaping (String) -> Void
    ) throws(ShardError) {
        self.path = path + "/" + fingerprint
        self.limit = limit
        self.onError = onError
        (tokens, width) = (configuration.tokens, configuration.width)
        bytes = 0
        do {
            try FileSystem.makeFolder(self.path)
        } catch {
            throw ShardError.featureFolder(path: self.path, reason: "it is not a folder and cannot be made one")
        }
        guard FileSystem.isPermitted(self.path, R_OK | W_OK | X_OK) else {
            throw ShardError.featureFolder(path: self.path, reason: String(cString: strerror(errno)))
        }
        bytes = files().reduce(0) { $0 + $1.size }
        if bytes > limit { makeRoom() }
    }

    /// Returns the features of a picture; nil where there are none, or where their file is damaged.
    func read(_ key: FeatureCache.Key) -> PictureFeatures? {
        let file = file(key)
        guard let data = FileSystem.data(of: file) else { return nil }
        let features = PictureFeatures(tokens: tokens, width: width)
        let isWhole = data.withUnsafeBytes { data in
            guard data.count == Self.headerBytes + features.byteCount,
                data.starts(with: header(of: data.dropFirst(Self.headerBytes)))
            else { return false }
            features.view.bytes.copyMemory(from: UnsafeRawBufferPointer(rebasing: data.dropFirst(Self.headerBytes)))
            return true
        }
        guard isWhole else {
            FileSystem.remove(file)
            return nil
        }
        // It was used now.
        _ = withSystemPath(file) { utimes($0, nil) }
        return features
    }

    /// Writes the features of a picture.
    func write(_ features: PictureFeatures, for key: FeatureCache.Key) {
        let numbers = UnsafeRawBufferPointer(features.view.bytes)
        let size = Self.headerBytes + numbers.count
        guard size <= limit else { return }
        do {
            // A file that a crash of the machine leaves torn has the wrong hash, and is not used.
            try NewFile.write(header(of: numbers[...]) + numbers, to: file(key), durably: false)
        } catch {
            if !hasReportedError { onError("features cannot be kept in \(path): check its free space and permissions") }
            hasReportedError = true
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

    // MARK: The limit

    private struct File {
        let name: String
        let size: Int
        /// When it was used last, in nanoseconds since 1970.
        let time: Int64
    }

    private func files() -> [File] {
        let names = (try? FileSystem.names(in: path)) ?? []
        return names.filter { $0.hasSuffix(Self.suffix) }.compactMap { name in
            (try? FileStamp(path: path + "/" + name)).map {
                File(name: name, size: Int($0.size), time: $0.modificationTime)
            }
        }
    }

    /// Removes the least recently used files. Other processes write and remove here too, so the folder is listed again.
    private func makeRoom() {
        let files = files().sorted { $0.time < $1.time }
        bytes = files.reduce(0) { $0 + $1.size }
        for file in files where Double(bytes) > Self.keptPart * Double(limit) {
            FileSystem.remove(path + "/" + file.name)
            bytes -= file.size
        }
    }
}
