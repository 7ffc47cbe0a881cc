import Base
import Fetch
import Foundation

/// Brings a model from a hub into the cache: the files that the engine reads, each checked against the hub's digest. What
/// is there already is not fetched again, and what an interrupted pull left is continued.
package struct ModelPull: Sendable {
    private let reference: ModelReference
    private let cache: HubCache
    private let client: HubClient
    private let verifiesAll: Bool
    package let progress = PullProgress()

    /// Files that are fetched at once.
    private static let connections = 4

    /// - Parameter verifiesAll: Whether the bytes of blobs that are there already are checked too.
    package init(_ reference: ModelReference, into cache: HubCache, from client: HubClient, verifiesAll: Bool = false) {
        self.reference = reference
        self.cache = cache
        self.client = client
        self.verifiesAll = verifiesAll
    }

    /// - Parameter report: called some times a second by this thread.
    /// - Throws: ``HubError``. What had arrived stays for the next pull.
    package func run(_ report: (PullProgress) -> Void = { _ in }) throws(HubError) -> PulledModel {
        let commit = try client.commit(of: reference)
        let files = try client.files(of: reference, commit: commit)
        let names = Set(files.map(\.path))
        if let flaw = ModelFiles.flaw(of: names) { throw HubError(.unusable, at: "\(reference)", flaw) }
        let small = try wanted(ModelFiles.small(of: names), files, commit)
        var index: [UInt8]?
        var known: Set<String> = []
        if ModelFiles.needsIndex(names), let blob = small.first(where: { $0.file == ModelFiles.index }) {
            try fetch([blob], commit, report)
            index = FileSystem.contents(of: blob.path)
            known.insert(blob.file)
        }
        let weightNames = try ModelFiles.weights(of: names, index: index, subject: "\(reference)")
        let all = small.filter { !known.contains($0.file) } + (try wanted(weightNames, files, commit))
        try checkRoom(for: all)
        try fetch(all, commit, report)
        let everything = small.filter { known.contains($0.file) } + all
        for blob in everything {
            try checkPointer(blob)
            try cache.link(blob.file, to: blob.digest, commit: commit, of: reference.name)
        }
        try cache.note(commit, for: reference)
        return PulledModel(
            directory: cache.snapshot(commit, of: reference.name), commit: commit, files: everything.count,
            bytes: progress.total, fetchedBytes: progress.fetched)
    }

    /// Returns the blobs of files, those with damaged bytes marked.
    ///
    /// - Throws: ``HubError`` where the repository lacks one of them.
    private func wanted(_ names: [String], _ files: [RemoteFile], _ commit: String) throws(HubError) -> [WantedBlob] {
        let byPath = Dictionary(files.map { ($0.path, $0) }) { first, _ in first }
        let missing = names.filter { byPath[$0] == nil }
        guard missing.isEmpty else {
            throw HubError(
                .unusable, at: "\(reference)",
                "\(ModelFiles.index) names \(missing.prefix(3).joined(separator: ", ")), which the "
                    + "repository does not have")
        }
        var blobs: [WantedBlob] = []
        for file in names.sorted().compactMap({ byPath[$0] }) {
            let digest = try digest(of: file, commit)
            var blob = WantedBlob(
                file: file.path, size: file.size, digest: digest, path: cache.blob(digest, of: reference.name))
            if verifiesAll, blob.isThere, try !hasRightBytes(blob) { blob.damaged = FileIdentity(path: blob.path) }
            blobs.append(blob)
        }
        return blobs
    }

    /// Returns the digest of a file, for which the hub is asked where its listing says none.
    private func digest(of file: RemoteFile, _ commit: String) throws(HubError) -> BlobDigest {
        if let digest = file.digest { return digest }
        do throws(FetchError) {
            let answer = try client.open(file.path, of: reference.name, commit: commit, from: 0).response()
            if let digest = BlobDigest.announced(by: answer) { return digest }
        } catch {
            throw client.refusal(error, of: reference, file: file.path)
        }
        throw HubError(
            .badAnswer, at: "\(reference), \(file.path)", "the hub announces no checksum, so it cannot be checked")
    }

    private func hasRightBytes(_ blob: WantedBlob) throws(HubError) -> Bool {
        let digest = try blob.digest.begin(size: blob.size)
        let file = FileSystem.open(blob.path, O_RDONLY)
        defer { close(file) }
        var buffer = [UInt8](repeating: 0, count: 1 << 20)
        while true {
            let count = read(file, &buffer, buffer.count)
            if count < 0, errno == EINTR { continue }
            guard count >= 0 else { return false }
            if count == 0 { return digest.hexadecimal() == blob.digest.text }
            buffer.withUnsafeBytes { digest.update(UnsafeRawBufferPointer(rebasing: $0[..<count])) }
        }
    }

    /// - Throws: ``HubError`` with the code `no_space` where the disk has too little room for what is missing.
    private func checkRoom(for blobs: [WantedBlob]) throws(HubError) {
        let folder = cache.folder(of: reference.name)
        do throws(SystemError) {
            try FileSystem.makeFolder(folder + "/blobs")
        } catch {
            throw HubError(.cache, at: folder, "the folder cannot be made: \(error); HF_HUB_CACHE names another")
        }
        var needed: Int64 = 0
        var seen: Set<BlobDigest> = []
        for blob in blobs where !blob.isThere && seen.insert(blob.digest).inserted {
            let begun = FileSystem.status(of: blob.path + ".incomplete").map { Int64($0.st_size) } ?? 0
            let (sum, overflow) = needed.addingReportingOverflow(max(0, blob.size - begun))
            needed = overflow ? .max : sum
        }
        guard needed > 0, let free = FileSystem.freeBytes(at: folder), free < needed else { return }
        throw HubError(
            .noSpace, at: folder,
            "\(needed) bytes are to be fetched, but the disk has room for \(free); make room, or set HF_HUB_CACHE to a folder elsewhere"
        )
    }

    /// A hub made of a plain copy of a repository may hold pointers in place of files.
    private func checkPointer(_ blob: WantedBlob) throws(HubError) {
        guard case .git = blob.digest, blob.size < 1024,
            let bytes = FileSystem.firstBytes(GitLFSPointer.prefixBytes, of: blob.path), GitLFSPointer.matches(bytes)
        else { return }
        throw HubError(
            .unusable, at: "\(reference), \(blob.file)", "the hub itself has a Git LFS pointer in place of the file")
    }
}

/// A model that is in the cache as a whole.
package struct PulledModel: Sendable {
    /// The snapshot, for `--model`.
    package let directory: String
    package let commit: String
    package let files: Int
    /// Bytes of all files.
    package let bytes: Int64
    /// Bytes that had to be fetched.
    package let fetchedBytes: Int64
}

// MARK: Several files at once

extension ModelPull {
    /// What the threads of a pull share.
    private struct State {
        var next = 0
        var error: HubError?
    }

    /// Fetches blobs, some at once. The first error ends all.
    private func fetch(
        _ blobs: [WantedBlob], _ commit: String, _ report: (PullProgress) -> Void
    ) throws(HubError) {
        for blob in blobs { progress.expect(blob.size) }
        let missing = blobs.filter { !$0.isThere }
        for blob in blobs where blob.isThere { progress.found(blob.size) }
        report(progress)
        guard !missing.isEmpty else { return }
        let state = Locked(State())
        let ended = DispatchSemaphore(value: 0)
        let download = BlobDownload(
            client: client, reference: reference, commit: commit, progress: progress,
            isCanceled: { state.withLock { $0.error != nil } })
        let client = client
        let threads = min(Self.connections, missing.count)
        for _ in 0..<threads {
            Thread.start("pull") {
                while let blob = Self.next(of: missing, state) {
                    do throws(HubError) {
                        try download.run(blob)
                    } catch {
                        state.withLock { $0.error = $0.error ?? error }
                        // The others may wait for bytes.
                        client.stop()
                    }
                }
                ended.signal()
            }
        }
        var running = threads
        while running > 0 {
            if ended.wait(timeout: .now() + .milliseconds(200)) == .success { running -= 1 }
            report(progress)
        }
        if let error = state.withLock({ $0.error }) { throw error }
    }

    private static func next(of blobs: [WantedBlob], _ state: Locked<State>) -> WantedBlob? {
        state.withLock { state in
            guard state.error == nil, state.next < blobs.count else { return nil }
            state.next += 1
            return blobs[state.next - 1]
        }
    }
}
