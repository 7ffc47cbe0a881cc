import Base
import Fetch
import Foundation
import JobPictures
import JobSources
import Queue
import Tables
import TestSupport
import Testing

/// Sources that are on servers: a web server and an object store on the loopback interface.
@Suite("Jobs from servers", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct RemoteSourceTests {
    var bench: SourceBench

    init() throws { bench = try SourceBench() }

    /// Serves files by their path; others are not found.
    private func served<Result>(_ files: [String: [UInt8]], _ body: (TestServer) throws -> Result) throws -> Result {
        try withServer(
            { request in
                guard let bytes = files[request.path] else { return .answer(404) }
                return .file(bytes, for: request)
            }, body)
    }

    /// A bench that knows the keys of an object store.
    private func bench(of store: S3Server, at server: TestServer) -> SourceBench {
        var bench = bench
        bench.settings.environment["AWS_ACCESS_KEY_ID"] = store.accessKey
        bench.settings.environment["AWS_SECRET_ACCESS_KEY"] = store.secretKey
        bench.settings.environment["AWS_ENDPOINT_URL"] = server.address("")
        return bench
    }

    // MARK: Folders of object stores

    @Test("A prefix gives the pictures below it in the order of keys, page by page, and counts what it passes over")
    func objects() throws {
        var store = S3Server(
            Dictionary(
                uniqueKeysWithValues: [
                    "p/b.jpg", "p/a.PNG", "p/deep/é 1.webp", "p/deep/", "p/x.txt", "p/.hidden.jpg", "p/.d/y.jpg",
                    "p2/z.jpg",
                    "p/none",
                ].map { ($0, Array("x".utf8)) }))
        store.pageSize = 2
        try withServer(store.answer) { server in
            let outcome = try bench(of: store, at: server).read("s3://bucket/p/")
            let expected = ["a.PNG", "b.jpg", "deep/é 1.webp"].map { "s3://bucket/p/" + $0 }
            #expect(outcome.jobs.map(\.id) == expected && outcome.jobs.map(\.images[0].path) == expected)
            #expect(outcome.jobs.allSatisfy { $0.fault == nil && $0.prompt == "caption en" })
            #expect(
                outcome.notes.first?.hasPrefix("4 files passed over (.txt 1, without an extension 1, hidden 2)") == true
            )
            let pages = server.requests.filter { $0.target.contains("list-type=2") }
            #expect(pages.count == 4)
        }
    }

    @Test("Pictures of a prefix are known by their first bytes where that is asked for, and an empty prefix is named")
    func objectsByContent() throws {
        let png: [UInt8] = [0x89, 0x50, 0x4E, 0x47, 0x0D, 0x0A, 0x1A, 0x0A] + [UInt8](repeating: 0, count: 64)
        let store = S3Server(["p/picture": png, "p/text": Array("text".utf8), "p/empty": []])
        try withServer(store.answer) { server in
            let bench = bench(of: store, at: server)
            #expect(
                try bench.read("s3://bucket/p/") { $0.looksInside = true }.jobs.map(\.id) == ["s3://bucket/p/picture"])
            let empty = try bench.read("s3://bucket/q/")
            #expect(empty.jobs.isEmpty && empty.notes == ["s3://bucket/q/: there are no objects below it"])
            try bench.folder.write("s3://bucket/p/\ns3://bucket/p/a.jpg\n", to: "names")
            let list = try bench.read("list:" + bench.folder.file("names")) { $0.looksInside = true }
            #expect(list.jobs.map(\.id) == ["s3://bucket/p/picture", "s3://bucket/p/a.jpg"])
        }
    }

    @Test("A prefix that cannot be listed is an error that holds no key", arguments: ["secret", "bucket"])
    func refusedListing(wrong: String) throws {
        let store = S3Server(["p/a.jpg": [1]])
        try withServer(store.answer) { server in
            var bench = bench(of: store, at: server)
            if wrong == "secret" { bench.settings.environment["AWS_SECRET_ACCESS_KEY"] = "hidden-hidden" }
            let text = try bench.refusal(wrong == "secret" ? "s3://bucket/p/" : "s3://other/p/")
            #expect(
                text.contains("cannot be listed") && !text.contains("hidden-hidden") && !text.contains(store.secretKey))
        }
    }

    // MARK: Rows

    @Test("Lines and tables of a server are read as streams, also packed, and their names begin at their address")
    func rows() throws {
        let lines =
            #"{"image": "a.png"}"# + "\n" + #"{"image": "../b c.png?v=1"}"# + "\n" + #"{"image": "https://h/x.png"}"#
        let files = [
            "/d/e/jobs.jsonl": Array(lines.utf8), "/d/e/t.csv": Array("id,image\n1,/r.png\n".utf8),
            "/d/names.txt": Array("e/a.png\ns3://bucket/b.png\n".utf8),
            "/d/e/t.tsv": Array("id\timage\n2\t./s/../t.png\n".utf8),
        ]
        try served(files) { server in
            let outcome = try bench.read(server.address("/d/e/jobs.jsonl?signature=hidden"))
            #expect(
                outcome.jobs.map(\.images[0].path)
                    == [server.address("/d/e/a.png"), server.address("/d/b c.png?v=1"), "https://h/x.png"])
            #expect(outcome.jobs[0].id == "a.png" && outcome.jobs.allSatisfy { $0.source?.contains("hidden") == false })
            #expect(try bench.read(server.address("/d/e/t.csv")).jobs[0].images[0].path == server.address("/r.png"))
            #expect(try bench.read(server.address("/d/e/t.tsv")).jobs[0].images[0].path == server.address("/d/e/t.png"))
            let list = try bench.read("list:" + server.address("/d/names.txt"))
            #expect(list.jobs.map(\.id) == [server.address("/d/e/a.png"), "s3://bucket/b.png"])
            let inFolder = try bench.read(
                server.address("/d/e/t.csv"), bench.template { $0.folder = "s3://bucket/pictures" })
            #expect(inFolder.jobs[0].images[0].path == "s3://bucket/r.png")
        }
    }

    @Test("A stream whose connection breaks is continued where it was")
    func brokenConnection() throws {
        let rows = (0..<20_000).map { "\($0),p\($0).png\n" }.joined()
        let bytes = Array(("id,image\n" + rows).utf8)
        let tries = Locked(0)
        let handler: @Sendable (TestServer.Request) -> [TestServer.Step] = { request in
            let number = tries.withLock { count in
                count += 1
                return count
            }
            let answer: [TestServer.Step] = .file(bytes, for: request)
            guard number < 3, case .bytes(let body)? = answer.last else { return answer }
            return answer.dropLast() + [.bytes(Array(body.prefix(50_000))), .close]
        }
        try withServer(handler) { server in
            let jobs = try bench.read(server.address("/t.csv")).jobs
            #expect(jobs.count == 20_000 && jobs.allSatisfy { $0.fault == nil } && jobs.last?.id == "19999")
            #expect(tries.withLock { $0 } == 3)
        }
    }

    @Test(
        "What a server does not have is said with its address and no secrets",
        arguments: ["jsonl", "csv", "tar", "parquet"])
    func missing(extension name: String) throws {
        try served([:]) { server in
            let text = try bench.refusal(server.address("/a.\(name)?token=hidden-hidden"))
            #expect(text.contains("/a.\(name)") && text.contains("404") && !text.contains("hidden-hidden"), "\(text)")
        }
    }

    // MARK: Shards

    @Test("Samples of shards of a server are parts of them that workers fetch, and patterns name several shards")
    func shards() throws {
        let first = try bench.tar([("0001.txt", "what?"), ("0001.jpg", "picture one"), ("0002.jpg", "second")])
        let second = try bench.tar([("0001.jpg", "another")])
        try served(["/s-0.tar": first, "/s-1.tar": second]) { server in
            let outcome = try bench.read(
                server.address("/s-{0..1}.tar"), bench.template { $0.id = try TextTemplate("{__shard__}/{__key__}") })
            #expect(outcome.jobs.map(\.id) == ["s-0/0001", "s-0/0002", "s-1/0001"])
            #expect(outcome.jobs[0].carried == #"{"__key__":"0001","txt":"what?"}"#)
            #expect(outcome.jobs.map(\.images[0].size) == [first, first, second].map { Int64($0.count) })
            let store = PictureStore(fetching: bench.settings)
            var bytes: [String] = []
            for job in outcome.jobs {
                bytes.append(String(decoding: try store.fetchedBytes(of: job.images[0]), as: UTF8.self))
            }
            #expect(bytes == ["picture one", "second", "another"])
            #expect(server.requests.count { $0.headers["range"] != nil } == 3)
        }
    }

    @Test("A part of a shard that has another size than at its submission is not taken")
    func changedShard() throws {
        let shard = try bench.tar([("1.jpg", "picture")])
        let files = Locked(["/s.tar": shard])
        let handler: @Sendable (TestServer.Request) -> [TestServer.Step] = { request in
            .file(files.withLock { $0[request.path] ?? [] }, for: request)
        }
        try withServer(handler) { server in
            let job = try #require(try bench.read(server.address("/s.tar")).jobs.first)
            files.withLock { $0["/s.tar"] = shard + [UInt8](repeating: 0, count: 512) }
            let store = PictureStore(fetching: bench.settings)
            let failure = #expect(throws: PictureFailure.self) { try store.fetchedBytes(of: job.images[0]) }
            #expect(failure?.failure.code == "changed")
        }
    }

    @Test(
        "A shard or a table that was replaced by one of the same size is not taken, unless only sizes are to be verified",
        arguments: ["/s.tar", "/p.parquet"])
    func replaced(path: String) throws {
        func files(_ text: String) throws -> [UInt8] {
            path == "/s.tar"
                ? try bench.tar([("1.jpg", text)])
                : try bench.parquet([.init("jpg", .binary)], [[.bytes(Array(text.utf8))]])
        }
        let served = Locked((bytes: try files("old"), headers: ["ETag: \"one\"", "Last-Modified: yesterday"]))
        let handler: @Sendable (TestServer.Request) -> [TestServer.Step] = { request in
            // A server that knows no If-Range, so that only comparing helps.
            let (bytes, headers) = served.withLock { $0 }
            let ends = request.headers["range"]?.dropFirst("bytes=".count).split(separator: "-").compactMap { Int($0) }
            guard let ends, ends.count == 2 else { return .answer(200, bytes, headers) }
            let last = min(ends[1], bytes.count - 1)
            return .answer(
                206, Array(bytes[ends[0]...last]), headers + ["Content-Range: bytes \(ends[0])-\(last)/\(bytes.count)"])
        }
        try withServer(handler) { server in
            func image(_ verification: PictureVerification) throws -> JobImage {
                let template = try bench.template { $0.verification = verification }
                return try #require(try bench.read(server.address(path), template).jobs.first).images[0]
            }
            let validator = JobImage.Validator(entityTag: "\"one\"", lastModified: "yesterday")
            let images = try [PictureVerification.time, .content, .size, .none].map(image)
            #expect(images.map(\.validator) == [validator, validator, nil, nil])
            #expect(images.map { $0.size != nil } == [true, true, true, false])
            let store = PictureStore(fetching: bench.settings)
            defer { store.stop() }
            func outcome(_ image: JobImage) -> String {
                do throws(PictureFailure) {
                    return String(decoding: try store.fetchedBytes(of: image), as: UTF8.self)
                } catch {
                    return error.failure.code + (error.isPermanent ? "" : " for now")
                }
            }
            #expect(images.map(outcome) == ["old", "old", "old", "old"])
            let bytes = try files("new")
            #expect(bytes.count == served.withLock { $0.bytes.count })
            served.withLock { $0 = (bytes, ["ETag: \"two\"", "Last-Modified: yesterday"]) }
            // What is open has what was submitted; what is opened now has something else.
            let later = PictureStore(fetching: bench.settings)
            defer { later.stop() }
            let codes = images.map { image in
                do throws(PictureFailure) {
                    return String(decoding: try later.fetchedBytes(of: image), as: UTF8.self)
                } catch {
                    #expect(error.isPermanent && error.failure.message.contains("submit it again"))
                    return error.failure.code
                }
            }
            #expect(codes == ["changed", "changed", "new", "new"])
            // Without tags the date tells.
            served.withLock { $0 = (bytes, ["Last-Modified: yesterday"]) }
            let dated = try image(.time)
            #expect(dated.validator == JobImage.Validator(entityTag: nil, lastModified: "yesterday"))
            served.withLock { $0 = (bytes, ["Last-Modified: today"]) }
            let last = PictureStore(fetching: bench.settings)
            defer { last.stop() }
            let failure = #expect(throws: PictureFailure.self) { try last.fetchedBytes(of: dated) }
            #expect(failure?.failure.code == "changed")
        }
    }

    @Test("A packed shard of a server travels in the queue")
    func packedShard() throws {
        let gzip = try FileBytes(path: bench.write(try bench.tar([("1.jpg", "picture")]), to: "s.tar")).bytes
        let program = Process()
        program.executableURL = URL(fileURLWithPath: "/bin/gzip")
        program.arguments = [bench.folder.file("s.tar")]
        try program.run()
        program.waitUntilExit()
        #expect(!gzip.isEmpty)
        try served(["/s.tar.gz": try FileBytes(path: bench.folder.file("s.tar.gz")).bytes]) { server in
            let image = try bench.read(server.address("/s.tar.gz")).jobs[0].images[0]
            #expect(image.bytes == Array("picture".utf8) && image.part == nil)
        }
    }

    @Test("Carrying the name of the shard through is asked for by name")
    func shardColumn() throws {
        try bench.write(try bench.tar([("1.jpg", "x")]), to: "train-07.tar.gz.tar")
        try bench.write(try bench.tar([("1.jpg", "x")]), to: "train-07.tar")
        let path = bench.folder.file("train-07.tar")
        #expect(try bench.read(path).jobs[0].carried == #"{"__key__":"1"}"#)
        let named = try bench.read(path, bench.template { $0.carried = .named(["__shard__"]) })
        #expect(named.jobs[0].carried == #"{"__shard__":"train-07"}"#)
        #expect(named.jobs[0].idAdvice?.contains(#"--id "{__shard__}/{__key__}""#) == true)
    }

    // MARK: Parquet

    @Test("Parquet of a server is read by parts, and workers read its cells the same way")
    func parquet() throws {
        let pictures = (0..<40).map { number in (0..<100_000).map { UInt8(truncatingIfNeeded: $0 &* 31 &+ number) } }
        let bytes = try bench.parquet(
            [.init("jpg", .binary), .init("key", .string)],
            pictures.enumerated().map { [.bytes($1), .text("k\($0)")] })
        try served(["/p.parquet": bytes]) { server in
            let template = try bench.template { $0.columns = [ExactText("id"): "key"] }
            let jobs = try bench.read(server.address("/p.parquet"), template).jobs
            #expect(
                jobs.map(\.id) == (0..<40).map { "k\($0)" }
                    && jobs.allSatisfy { $0.images[0].size == Int64(bytes.count) })
            #expect(server.requests.allSatisfy { $0.headers["range"] != nil })
            let store = PictureStore(fetching: bench.settings)
            defer { store.stop() }
            let before = server.requestCount
            for index in [0, 1, 2, 39] { #expect(try store.fetchedBytes(of: jobs[index].images[0]) == pictures[index]) }
            #expect(server.requestCount - before < 20)
            let ended = DispatchSemaphore(value: 0)
            let fetched = Locked<[UInt8]?>(nil)
            store.fetch(jobs[7]) { result in
                fetched.withLock { $0 = try? result.get().job.images[0].bytes }
                ended.signal()
            }
            ended.wait()
            #expect(fetched.withLock { $0 } == pictures[7])
        }
    }

    @Test("Parquet of a server that sends whole files only, or that changes meanwhile, is an error that says so")
    func parquetRefused() throws {
        let bytes = try bench.parquet([.init("image", .string)], [[.text("a.png")]])
        let wholeFiles: @Sendable (TestServer.Request) -> [TestServer.Step] = { _ in .answer(200, bytes) }
        try withServer(wholeFiles) { server in
            let text = try bench.refusal(server.address("/p.parquet"))
            #expect(text.contains("whole files"), "\(text)")
        }
        let count = Locked(0)
        let handler: @Sendable (TestServer.Request) -> [TestServer.Step] = { request in
            let number = count.withLock { count in
                count += 1
                return count
            }
            return .file(bytes, tag: "\"\(number)\"", for: request)
        }
        try withServer(handler) { server in
            let text = try bench.refusal(server.address("/p.parquet"))
            #expect(text.contains("another version") || text.contains("changed"), "\(text)")
        }
    }
}
