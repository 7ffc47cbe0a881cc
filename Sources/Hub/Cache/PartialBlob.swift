import Base
import Fetch
import Foundation
import Glibc
import Queue

/// A blob that has not arrived as a whole: `blobs/DIGEST.incomplete`, which outlives its process and is continued by the
/// next. One process at a time writes it, under a lock that the system releases however that process ends.
///
/// On network file systems a lock may hold only processes of the same host, or nobody. There the name holds the host's.
final class PartialBlob {
    /// Its bytes until now.
    private(set) var size: Int64 = 0
    private let path: String
    private let blob: String
    private let expectedSize: Int64
    private let digest: BlobDigest
    private let descriptor: Int32
    private var running: RunningDigest
    /// Whether nobody could continue it under its name.
    private let isTemporary: Bool

    /// Opens the file, and waits while another process writes it.
    ///
    /// - Parameters:
    ///   - isThere: whether the blob is there as a whole; asked when no other process writes it.
    ///   - wait: called again and again while another process writes it.
    /// - Returns: nil where the blob is there.
    /// - Throws: ``HubError`` with the code `cache`, or what `wait` throws.
    static func open(
        _ blob: String, digest: BlobDigest, size: Int64, isThere: () -> Bool, wait: () throws(HubError) -> Void
    ) throws(HubError) -> PartialBlob? {
        var name = blob + (NetworkFileSystem.kind(under: blob) == nil ? "" : ".\(hostName)") + ".incomplete"
        do throws(SystemError) {
            try FileSystem.makeFolder(blob.parentPath)
        } catch {
            throw HubError(
                .cache, at: blob.parentPath, "the folder cannot be made: \(error); HF_HUB_CACHE names another")
        }
        while true {
            let descriptor = FileSystem.open(name, O_RDWR | O_CREAT | O_NOFOLLOW, mode: 0o666)
            guard descriptor >= 0 else {
                throw HubError(
                    .cache, at: name, "the file cannot be made: \(SystemError(errno)); HF_HUB_CACHE names another")
            }
            let error = flock(descriptor, LOCK_EX | LOCK_NB) == 0 ? 0 : errno
            // Where another process ended before our lock, the file has its last name, or none.
            if error == 0, FileIdentity.isOpen(descriptor, at: name) {
                if isThere() {
                    FileSystem.remove(name)
                    close(descriptor)
                    return nil
                }
                return try PartialBlob(name, descriptor, blob, digest, size)
            }
            close(descriptor)
            if error == EWOULDBLOCK {
                try wait()
                usleep(100_000)
            } else if error != 0, error != EINTR {
                // A file system without locks: nobody else has this name.
                name = blob + ".\(UUID().uuidString).incomplete"
                let own = FileSystem.open(name, O_RDWR | O_CREAT | O_EXCL | O_NOFOLLOW, mode: 0o666)
                guard own >= 0 else {
                    throw HubError(.cache, at: name, "the file cannot be made: \(SystemError(errno))")
                }
                return try PartialBlob(name, own, blob, digest, size, isTemporary: true)
            }
        }
    }

    private static var hostName: String {
        var name = [CChar](repeating: 0, count: 256)
        guard gethostname(&name, name.count - 1) == 0 else { return "host" }
        let text = String(decoding: name.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
        return text.filter { $0.isLetter || $0.isNumber || $0 == "-" }
    }

    private init(
        _ path: String, _ descriptor: Int32, _ blob: String, _ digest: BlobDigest, _ size: Int64,
        isTemporary: Bool = false
    ) throws(HubError) {
        self.isTemporary = isTemporary
        (self.path, self.descriptor, self.blob) = (path, descriptor, blob)
        (self.digest, expectedSize) = (digest, size)
        running = try digest.begin(size: size)
        // What an earlier process left counts for the digest.
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { throw HubError(.cache, at: path, "it cannot be read: \(SystemError(errno))") }
            if count == 0 { break }
            buffer.withUnsafeBytes { running.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
            self.size += Int64(count)
            if self.size > size {
                try restart()
                return
            }
        }
    }

    deinit {
        // After the last rename there is nothing by this name.
        if isTemporary { discard() }
        close(descriptor)
    }

    /// Whether all bytes are there.
    var isWhole: Bool { size == expectedSize }

    /// Takes more bytes.
    ///
    /// - Throws: ``HubError``: the disk is full, or there are more bytes than the hub announced.
    func append(_ bytes: [UInt8]) throws(HubError) {
        guard Int64(bytes.count) <= expectedSize - size else {
            discard()
            throw HubError(
                .checksum, at: blob,
                "the server sends more than the \(expectedSize) bytes that it announced; it was discarded")
        }
        do throws(SystemError) {
            try writeAll(bytes.span.bytes, to: descriptor, at: Int(size))
        } catch {
            throw HubError(
                error.isDiskFull ? .noSpace : .cache, at: path,
                "it cannot be written: \(error)\(error.isDiskFull ? "; make room and pull again, which continues" : "")"
            )
        }
        bytes.withUnsafeBytes { running.update($0) }
        size += Int64(bytes.count)
    }

    /// Forgets all bytes.
    ///
    /// - Throws: ``HubError`` with the code `cache`.
    func restart() throws(HubError) {
        guard ftruncate(descriptor, 0) == 0 else {
            throw HubError(.cache, at: path, "it cannot be emptied: \(SystemError(errno))")
        }
        running = try digest.begin(size: expectedSize)
        size = 0
    }

    /// Removes the file.
    func discard() { FileSystem.remove(path) }

    /// Checks the bytes, and gives them the blob's name.
    ///
    /// - Parameter file: how the hub calls them.
    /// - Throws: ``HubError`` with the code `checksum` where they are not those that the hub announced; they are gone then.
    func finish(as file: String) throws(HubError) {
        guard let found = running.hexadecimal() else {
            throw HubError(.checksum, at: file, "libcrypto does not compute \(digest.kind) on this machine")
        }
        guard found == digest.text else {
            discard()
            throw HubError(
                .checksum, at: file,
                "what arrived has \(digest.kind) \(found), but the hub announced \(digest.text); it was discarded: pull again, and "
                    + "if that does not help, the server or something on the way damages it")
        }
        guard fsync(descriptor) == 0, FileSystem.rename(path, to: blob) else {
            throw HubError(.cache, at: blob, "the file cannot be put there: \(SystemError(errno))")
        }
        FileSystem.synchronizeFolder(of: blob)
    }
}
