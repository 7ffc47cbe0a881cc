import Base
import Foundation
import Hub
import TestSupport
import Testing

@Suite("What servers do wrong on the way of a model", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct PullFaultTests {
    private static let weights = HubBench.weights
    private static let half = weights.count / 2

    private static func isWeights(_ request: TestServer.Request) -> Bool {
        request.path.hasSuffix(HubBench.weightsDigest)
    }

    private func ranges(_ bench: HubBench) -> [String?] {
        bench.server.store.requests.filter(Self.isWeights).map { $0.headers["range"] }
    }

    @Test("A connection that is cut in the middle is continued there")
    func cut() throws {
        let bench = try HubBench(storeFault: { request, count in
            guard count == 0, Self.isWeights(request) else { return nil }
            return .head(200, ["Content-Length: \(Self.weights.count)", "ETag: \"store\""])
                + [.bytes(Array(Self.weights[..<Self.half])), .close]
        })
        defer { bench.server.stop() }
        try bench.pull()
        #expect(bench.storedWeights == Self.weights)
        #expect(ranges(bench) == [nil, "bytes=\(Self.half)-"])
    }

    @Test("What an earlier pull left is continued")
    func resume() throws {
        let bench = try HubBench()
        defer { bench.server.stop() }
        try bench.leave(Array(Self.weights[..<Self.half]))
        let pulled = try bench.pull()
        #expect(bench.storedWeights == Self.weights && bench.blobs.count == 4)
        #expect(ranges(bench) == ["bytes=\(Self.half)-"])
        #expect(pulled.fetchedBytes == pulled.bytes - Int64(Self.half))
    }

    @Test("All that an earlier pull left is only checked")
    func left() throws {
        let bench = try HubBench()
        defer { bench.server.stop() }
        try bench.leave(Self.weights)
        try bench.pull()
        #expect(bench.storedWeights == Self.weights && ranges(bench).isEmpty)
    }

    @Test("More than a file holds, left by an earlier pull, is begun anew")
    func leftTooMuch() throws {
        let bench = try HubBench()
        defer { bench.server.stop() }
        try bench.leave(Self.weights + [1])
        try bench.pull()
        #expect(bench.storedWeights == Self.weights && ranges(bench) == [nil])
    }

    @Test("A server that has no part, or sends all in place of one, is asked for all", arguments: [416, 200])
    func noRanges(status: Int) throws {
        let bench = try HubBench(storeFault: { request, _ in
            guard Self.isWeights(request), request.headers["range"] != nil else { return nil }
            return status == 416
                ? .answer(416, [], ["Content-Range: bytes */\(Self.weights.count)"]) : .answer(200, Self.weights)
        })
        defer { bench.server.stop() }
        // Of another version, whose beginning must not be used.
        try bench.leave([UInt8](repeating: 7, count: Self.half))
        try bench.pull()
        #expect(bench.storedWeights == Self.weights)
        #expect(ranges(bench) == ["bytes=\(Self.half)-", nil])
    }

    @Test("A signed address that has expired is signed anew, and the file continued")
    func expired() throws {
        let first = Locked<String?>(nil)
        let bench = try HubBench(storeFault: { request, _ in
            guard Self.isWeights(request) else { return nil }
            let isFirst = first.withLock { first in
                first = first ?? request.target
                return first == request.target
            }
            guard isFirst else { return nil }
            guard request.headers["range"] == nil else { return .answer(403, Array("Request has expired".utf8)) }
            return .head(200, ["Content-Length: \(Self.weights.count)", "ETag: \"store\""])
                + [.bytes(Array(Self.weights[..<Self.half])), .close]
        })
        defer { bench.server.stop() }
        try bench.pull()
        #expect(bench.storedWeights == Self.weights)
        #expect(ranges(bench) == [nil, "bytes=\(Self.half)-", "bytes=\(Self.half)-"])
    }

    @Test("A server that always refuses what the hub sent to is given up, with its words and without the signature")
    func refused() throws {
        let bench = try HubBench(storeFault: { _, _ in .answer(403) })
        defer { bench.server.stop() }
        let error = try bench.failure()
        #expect(error.code == .network && error.reason.contains("403"))
        #expect(!error.description.contains(where: \.isNewline) && error.description.contains("signature=***"))
        #expect((5...10).contains(bench.server.store.requestCount))
    }

    @Test("A hub that has too much to do is asked again after the time that it names")
    func tooMany() throws {
        let bench = try HubBench(hubFault: { _, count in count == 0 ? .answer(429, [], ["Retry-After: 1"]) : nil })
        defer { bench.server.stop() }
        let start = ContinuousClock.now
        try bench.pull()
        #expect(ContinuousClock.now - start >= .seconds(1))
        #expect(bench.storedWeights == Self.weights)
    }

    @Test(
        "Wrong bytes are discarded, an error says so, and the next pull fetches them again", arguments: [false, true])
    func wrongBytes(isResumed: Bool) throws {
        let isBad = Locked(true)
        let bench = try HubBench(storeFault: { request, _ in
            guard Self.isWeights(request), isBad.withLock({ $0 }) else { return nil }
            var bytes = Self.weights
            bytes[bytes.count - 10] ^= 4
            return .file(bytes, for: request)
        })
        defer { bench.server.stop() }
        if isResumed { try bench.leave(Array(Self.weights[..<Self.half])) }
        let error = try bench.failure()
        #expect(error.code == .checksum && error.subject == "model.safetensors")
        #expect(error.reason.contains("the hub announced \(HubBench.weightsDigest); it was discarded"))
        #expect(!bench.blobs.contains { $0.hasPrefix(HubBench.weightsDigest) })
        #expect(!FileSystem.exists(bench.folder + "/refs/main"))
        isBad.withLock { $0 = false }
        try bench.pull()
        #expect(bench.storedWeights == Self.weights)
    }

    @Test("Small files are checked by git's digest")
    func wrongSmallFile() throws {
        let bench = try HubBench(hubFault: { request, _ in
            request.path.hasSuffix("/config.json") ? .answer(200, Array("{\"model_type\": \"paligemmb\"}".utf8)) : nil
        })
        defer { bench.server.stop() }
        let error = try bench.failure()
        #expect(error.code == .checksum && error.subject == "config.json" && error.reason.contains("git's SHA-1"))
    }

    @Test("A server that says another length than the hub is not believed", arguments: [-1, 1])
    func otherLength(by difference: Int) throws {
        let bench = try HubBench(storeFault: { request, _ in
            guard Self.isWeights(request) else { return nil }
            return .answer(200, Array((Self.weights + [0]).prefix(Self.weights.count + difference)))
        })
        defer { bench.server.stop() }
        let error = try bench.failure()
        #expect(error.code == .badAnswer)
        #expect(error.reason.contains("says that it has \(Self.weights.count + difference) bytes"))
    }

    @Test("A body without a length that does not end is ended")
    func endless() throws {
        let bench = try HubBench(storeFault: { request, _ in
            guard Self.isWeights(request) else { return nil }
            return .head(200, ["Connection: close"]) + [.endless([UInt8](repeating: 1, count: 4096))]
        })
        defer { bench.server.stop() }
        let error = try bench.failure()
        #expect(error.code == .checksum && error.reason.contains("sends more than the \(Self.weights.count) bytes"))
        #expect(!bench.blobs.contains { $0.hasPrefix(HubBench.weightsDigest) })
    }

    @Test("A body that ends early every time is given up; what came stays")
    func alwaysShort() throws {
        let bench = try HubBench(storeFault: { request, _ in
            guard Self.isWeights(request) else { return nil }
            return .head(request.headers["range"] == nil ? 200 : 503, ["Connection: close"])
                + [.bytes(Array(Self.weights[..<Self.half])), .close]
        })
        defer { bench.server.stop() }
        let error = try bench.failure()
        #expect(error.code == .network, "\(error)")
        #expect(bench.blobs.contains(HubBench.weightsDigest + ".incomplete"))
    }

    @Test(
        "A hub that announces other bytes or another commit than it listed is not believed",
        arguments: ["etag", "commit", "size"])
    func contradiction(what: String) throws {
        let bench = try HubBench(hubFault: { request, _ in
            guard request.path.hasSuffix("/model.safetensors") else { return nil }
            let zeros = String(repeating: "0", count: 64)
            return .answer(
                302, [],
                [
                    "Location: http://localhost:1/x",
                    "X-Repo-Commit: \(what == "commit" ? zeros : HubServer.Repository([:]).commit)",
                    "X-Linked-Size: \(what == "size" ? 5 : Self.weights.count)",
                    "X-Linked-ETag: \"\(what == "etag" ? zeros : HubBench.weightsDigest)\"",
                ])
        })
        defer { bench.server.stop() }
        let error = try bench.failure()
        #expect(error.code == .badAnswer && error.reason.contains("hub"))
    }

    @Test("A disk without room is told before anything large is fetched")
    func noRoom() throws {
        let bench = try HubBench(HubBench.model { $0.listedSizes["model.safetensors"] = 1 << 60 })
        defer { bench.server.stop() }
        let error = try bench.failure()
        #expect(
            error.code == .noSpace && error.reason.hasPrefix("\((1 << 60) + 5027) bytes are to be fetched"), "\(error)")
        #expect(bench.server.store.requestCount == 0 && bench.blobs.isEmpty)
    }
}
