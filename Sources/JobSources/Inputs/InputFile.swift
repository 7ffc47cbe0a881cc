import Archives
import Base
import Fetch
import Queue
import Tables

/// A file that is read for its jobs: on this machine, on a server, or standard input.
struct InputFile {
    /// The path that stands for standard input.
    static let standardInput = "-"

    /// The path or the address, as the person wrote it.
    private let text: String
    private let fetcher: SharedFetcher

    /// - Parameter text: A path, an address, or `-` for standard input.
    init(_ text: String, _ fetcher: SharedFetcher) { (self.text, self.fetcher) = (text, fetcher) }

    var isRemote: Bool { AddressReference.isAddress(text) }
    private var isStandardInput: Bool { text == Self.standardInput }

    /// Whether the file can be read only once.
    var isStream: Bool { isStandardInput || isRemote || FileStatus(text)?.isRegular == false }

    /// What messages, and the names of pictures inside of the file, call it: no secrets of an address.
    var name: String {
        if isStandardInput { return "standard input" }
        return isRemote ? MaskedURL.text(text) : text
    }

    /// Where a worker finds the file.
    var path: String {
        if isStandardInput { return name }
        return isRemote ? text : AbsolutePath.path(of: text, in: "")
    }

    /// The folder of relative names.
    var folder: String {
        if isStandardInput { return "" }
        return isRemote ? AddressReference.folder(of: text) : text.parentPath
    }

    /// The name of the file without its folder, and without `.tar` and what may follow it.
    var stem: String {
        let last = (isRemote ? AddressReference.path(of: text) : name).lastPathPart
        var end = last.utf8[...]
        for suffix in [".gz", ".gzip", ".zst", ".zstd", ".tgz", ".tar"]
        where end.count > suffix.utf8.count && end.ends(with: suffix) {
            end = end.dropLast(suffix.utf8.count)
        }
        return String(end) ?? last
    }

    /// What is verified of it when a part of it is read: size in bytes, and the time of its last change or what its server says
    /// of its state, where they are known.
    struct Stamp {
        var size: Int64?
        var modified: Int64?
        var validator: Validator?

        /// Notes in a picture that is a part of the file what a worker verifies.
        func note(in image: inout JobImage, _ verification: PictureVerification) {
            guard verification != .none else { return }
            image.size = size
            if verification == .time { image.modified = modified }
            // Of a server's file nothing but this tells its content.
            guard verification != .size, let validator else { return }
            image.validator = JobImage.Validator(
                entityTag: validator.entityTag, lastModified: validator.lastModified)
        }
    }

    /// Opens the file to be read from front to back.
    ///
    /// - Returns: the bytes; and the stamp of a file of which parts can be read later, nil for a stream.
    /// - Throws: `unreadable`.
    func opened() throws(QueueError) -> (source: any ByteSource, stamp: Stamp?) {
        do {
            if isRemote {
                let source = try FetchStreamSource(text, from: try fetcher.fetcher())
                let response = try source.response()
                return (source, Stamp(size: response.totalBytes, validator: response.validator))
            }
            let source = try FileSource(pathOrStandardInput: text)
            guard !isStream else { return (source, nil) }
            let stamp = try FileStamp(path: text)
            return (source, Stamp(size: stamp.size, modified: stamp.modificationTime))
        } catch {
            throw .unreadable(error, path: name)
        }
    }

    /// Opens the file as a table of which any part can be read.
    ///
    /// - Throws: `unreadable`.
    func openedParquet() throws(QueueError) -> (file: ParquetFile, stamp: Stamp) {
        do {
            if isRemote {
                let source = try FetchRangeSource(text, from: try fetcher.fetcher())
                let stamp = Stamp(size: Int64(source.size), validator: source.validator)
                return (try ParquetFile(source, name: name), stamp)
            }
            let stamp = try FileStamp(path: text)
            return (try ParquetFile(path: text), Stamp(size: stamp.size, modified: stamp.modificationTime))
        } catch {
            throw .unreadable(error, path: name)
        }
    }
}

extension Substring.UTF8View {
    fileprivate func ends(with suffix: String) -> Bool { self.suffix(suffix.utf8.count).elementsEqual(suffix.utf8) }
}

extension QueueError {
    /// The error of a file that is read for its jobs.
    static func unreadable(_ error: any Error, path: String) -> QueueError {
        switch error {
        case let error as QueueError: error
        case let error as RowError: .unreadable(path: path, reason: error.reason)
        case let error as FileError: .unreadable(path: path, reason: error.reason)
        case let error as TableError: .unreadable(path: error.place.isEmpty ? path : error.place, reason: error.reason)
        case let error as ArchiveError: .unreadable(path: error.place, reason: error.reason)
        case let error as FetchError: .unreadable(path: error.source, reason: error.reason)
        default: .unreadable(path: path, reason: "\(error)")
        }
    }
}
