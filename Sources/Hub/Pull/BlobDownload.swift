import Base
import Fetch

/// Brings one blob into the cache, over broken connections, expired addresses and interruptions.
struct BlobDownload: Sendable {
    let client: HubClient
    let reference: ModelReference
    let commit: String
    let progress: PullProgress
    /// Whether the whole pull has failed elsewhere.
    let isCanceled: @Sendable () -> Bool

    /// How often in a row the hub is asked anew without a byte that came.
    private static let mostFailures = 5
    /// How often a file is begun anew.
    private static let mostRestarts = 2

    /// - Throws: ``HubError``; what had arrived stays for the next pull, unless its checksum is wrong.
    func run(_ wanted: WantedBlob) throws(HubError) {
        var waits = false
        defer { if waits { progress.wait(false) } }
        let partial = try PartialBlob.open(
            wanted.path, digest: wanted.digest, size: wanted.size, isThere: { wanted.isThere },
            wait: { () throws(HubError) in
                if !waits { progress.wait(true) }
                waits = true
                if isCanceled() { throw canceled(wanted) }
            })
        guard let partial else { return progress.found(wanted.size) }
        progress.found(partial.size)
        // An empty file is asked for all the same: the hub may refuse it.
        var (failures, restarts) = (0, 0)
        while !partial.isWhole || wanted.size == 0 {
            if isCanceled() { throw canceled(wanted) }
            let before = partial.size
            switch try transfer(wanted, into: partial) {
            case nil where partial.isWhole:
                return try partial.finish(as: wanted.file)
            case let problem where problem?.beginsAnew == true && before > 0 && restarts < Self.mostRestarts:
                restarts += 1
                progress.found(-partial.size)
                try partial.restart()
            case let problem:
                failures = partial.size > before ? 0 : failures + 1
                guard failures < Self.mostFailures else {
                    throw problem?.error
                        ?? HubError(
                            .network, at: "\(reference), \(wanted.file)",
                            "the server ends it after \(partial.size) of \(wanted.size) bytes, again and again")
                }
            }
        }
        try partial.finish(as: wanted.file)
    }

    /// Why a transfer ended before its end.
    private struct Problem {
        let error: HubError
        /// Whether the bytes that are there are of no use.
        var beginsAnew = false
    }

    /// Asks the hub for the rest of a file, and follows where it leads.
    ///
    /// - Returns: why it is worth another try; nil where the body came to its end.
    /// - Throws: ``HubError`` where it is not.
    private func transfer(_ wanted: WantedBlob, into partial: PartialBlob) throws(HubError) -> Problem? {
        let stream: FetchStream
        let answer: FetchedResponse
        do throws(FetchError) {
            stream = try client.open(wanted.file, of: reference.name, commit: commit, from: partial.size)
            answer = try stream.response()
        } catch {
            let refusal = client.refusal(error, of: reference, file: wanted.file)
            guard Self.isAboutRange(error) || (error.mayHelpLater && error.status == nil) else { throw refusal }
            return Problem(error: refusal, beginsAnew: Self.isAboutRange(error))
        }
        try check(answer, wanted)
        guard let redirect = answer.redirect else { return try receive(stream, answer, wanted, into: partial) }
        let moved: FetchStream
        let head: FetchedResponse
        do throws(FetchError) {
            moved = try client.open(redirect: redirect, from: partial.size)
            head = try moved.response()
        } catch {
            // A signed address that has expired is refused; the hub signs another one.
            return problem(error, wanted)
        }
        return try receive(moved, head, wanted, into: partial)
    }

    /// Reads a body into the file.
    ///
    /// - Returns: why it is worth another try; nil where the body came to its end.
    /// - Throws: ``HubError`` where it is not.
    private func receive(
        _ stream: FetchStream, _ answer: FetchedResponse, _ wanted: WantedBlob, into partial: PartialBlob
    ) throws(HubError) -> Problem? {
        if let total = answer.totalBytes, total != wanted.size {
            throw HubError(
                .badAnswer, at: "\(reference), \(wanted.file)",
                "the server says that it has \(total) bytes, but the hub lists \(wanted.size)")
        }
        if partial.size > 0, answer.status == 200 {
            // All of it comes, though a part was asked for. The stream would skip what is there already.
            stream.cancel()
            let reason = HubError(.network, at: wanted.file, "the server sends whole files only")
            return Problem(error: reason, beginsAnew: true)
        }
        while true {
            let bytes: [UInt8]?
            do throws(FetchError) {
                bytes = try stream.next()
            } catch {
                return problem(error, wanted)
            }
            guard let bytes else { return nil }
            if isCanceled() { throw canceled(wanted) }
            try partial.append(bytes)
            progress.arrived(bytes.count)
        }
    }

    private func problem(_ error: FetchError, _ wanted: WantedBlob) -> Problem {
        let reason = HubError(.network, at: "\(reference), \(wanted.file)", "\(error.source): \(error.reason)")
        return Problem(error: reason, beginsAnew: Self.isAboutRange(error))
    }

    private static func isAboutRange(_ error: FetchError) -> Bool {
        [.outOfRange, .changed, .noRanges].contains(error.code)
    }

    /// Compares what the hub says of a file with its listing.
    private func check(_ answer: FetchedResponse, _ wanted: WantedBlob) throws(HubError) {
        func fault(_ reason: String) -> HubError { HubError(.badAnswer, at: "\(reference), \(wanted.file)", reason) }
        if let other = answer.fields["x-repo-commit"], other != commit {
            throw fault("the hub answers with commit \(other), but \(commit) was asked for")
        }
        if let text = answer.fields["x-linked-size"], Int64(text) != wanted.size {
            throw fault("the hub lists \(wanted.size) bytes, but announces \(text)")
        }
        if let digest = BlobDigest.announced(by: answer), digest != wanted.digest {
            throw fault("the hub lists it as \(wanted.digest.text), but announces \(digest.text)")
        }
    }

    private func canceled(_ wanted: WantedBlob) -> HubError {
        HubError(.network, at: wanted.file, "it was not fetched to its end: canceled")
    }
}

extension BlobDigest {
    /// What a hub says of a file's bytes in the head of its answer; nil where it says nothing.
    static func announced(by answer: FetchedResponse) -> BlobDigest? {
        (answer.fields["x-linked-etag"] ?? answer.validator?.entityTag).flatMap { BlobDigest(entityTag: $0) }
    }
}
