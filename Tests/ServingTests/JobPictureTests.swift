import Base
import Foundation
import Pictures
import Queue
import Serving
import TestSupport
import Testing

/// `GET /v1/jobs/ID/picture/NUMBER`.
@Suite("Pictures of jobs over HTTP", .timeLimit(.minutes(15)))
struct JobPictureTests {
    /// A picture of a pattern.
    private func png(_ width: Int, _ height: Int) throws -> [UInt8] {
        let pixels = (0..<width * height * 3).map { UInt8($0 / 3 % width * 255 / width) }
        return try PNGWriter.encode(RGBImage(width: width, height: height, pixels: pixels))
    }

    private func size(_ response: HTTPExchange.Response) throws -> [Int] {
        #expect(response.status == 200)
        #expect(response.headers["content-type"] == "image/jpeg")
        #expect(response.headers["x-content-type-options"] == "nosniff")
        let image = try ImageDecoder.decode(response.body).image
        return [image.width, image.height]
    }

    @Test("Pictures in the queue and files below the root are shown, at most 512 pixels a side; no other file is read")
    func shown() throws {
        let folder = try TemporaryFolder()
        let queue = try SQLiteQueue(path: folder.file("jobs.db"), create: true)
        let root = folder.file("root")
        for name in ["root/in", "rooted"] {
            try FileManager.default.createDirectory(atPath: folder.file(name), withIntermediateDirectories: true)
        }
        try FileSystem.write(try png(900, 300), to: root + "/in/a.png")
        try FileSystem.write(try png(20, 10), to: folder.file("rooted/secret.png"))
        try FileManager.default.createSymbolicLink(
            atPath: root + "/link.png", withDestinationPath: folder.file("rooted/secret.png"))
        try FileManager.default.createSymbolicLink(atPath: root + "/inside.png", withDestinationPath: "in/a.png")
        // A shard: the picture's bytes lie between others.
        let small = try png(30, 40)
        try FileSystem.write(Array(repeating: 7, count: 11) + small + [1, 2, 3], to: root + "/shard.tar")
        var jobs: [Job] = []
        func add(_ id: String, _ image: JobImage) { jobs.append(Job(id: id, images: [image], prompt: "ocr")) }
        add("embedded", JobImage(name: "e", path: "e", bytes: try png(600, 1200)))
        add("text", JobImage(name: "t", path: "t", bytes: Array("no picture".utf8)))
        add("file", JobImage(name: "a", path: root + "/in/a.png"))
        add("linked", JobImage(name: "a", path: root + "/inside.png"))
        add("part", JobImage(name: "p", path: root + "/shard.tar", part: .range(offset: 11, count: Int64(small.count))))
        add("changed", JobImage(name: "a", path: root + "/in/a.png", size: 3, modified: 4))
        add("missing", JobImage(name: "m", path: root + "/none.png"))
        add("server", JobImage(name: "s", path: "http://127.0.0.1:1/a.png"))
        add("video", JobImage(name: "v", path: root + "/in/a.png", frames: 4))
        let outside = [
            folder.file("rooted/secret.png"), root + "/link.png", root + "/../rooted/secret.png", "/etc/passwd", root,
            "/proc/self/environ", "relative.png", folder.file("rooted/none.png"),
        ]
        for (index, path) in outside.enumerated() { add("out-\(index)", JobImage(name: "o", path: path)) }
        _ = try queue.submit(jobs, otherContents: .refuse)

        let service = try ServedWorld(
            ["--queue", folder.file("jobs.db"), "--picture-root", root], waitsForWorld: false)
        func get(_ id: String, _ number: String = "0") throws -> HTTPExchange.Response {
            try service.get("/v1/jobs/\(id)/picture/\(number)")
        }
        #expect(try size(get("embedded")) == [256, 512])
        #expect(try size(get("file")) == [512, 171])
        #expect(try size(get("linked")) == [512, 171])
        #expect(try size(get("part")) == [30, 40])
        for id in ["text", "changed", "server", "video"] {
            #expect(try get(id).status == 422)
            #expect(try JSON(parsing: get(id).text)["error"]?["code"]?.string == "picture_unavailable")
        }
        let refusals = try outside.indices.map { try get("out-\($0)") }
        #expect(refusals.map(\.status) == outside.map { _ in 403 })
        // Nobody learns from the words whether there is such a file.
        #expect(Set(refusals.map(\.text)).count == 1)
        #expect(
            try [get("missing").status, get("embedded", "1").status, get("embedded", "-1").status] == [403, 404, 404])
        #expect(try [get("nobody").status, get("embedded", "x").status] == [404, 404])
    }

    @Test("Without a root only pictures in the queue are shown")
    func noRoot() throws {
        let picture = try PNGWriter.encode(RGBImage(width: 2, height: 1, pixels: [0, 0, 0, 9, 9, 9]))
        let folder = try TemporaryFolder()
        try FileSystem.write(picture, to: folder.file("a.png"))
        let previews = PicturePreviews(root: nil)
        #expect { try previews.jpeg(of: JobImage(name: "a", path: folder.file("a.png"))) } throws: {
            ($0 as? APIError)?.code == "not_permitted"
        }
        let bytes = try previews.jpeg(of: JobImage(name: "a", path: "a", bytes: picture))
        #expect(try ImageDecoder.decode(bytes).image.width == 2)
    }

    @Test("One at a time; who comes when too many wait is sent away")
    func turns() async throws {
        let turns = Turns(maximumWaiting: 1)
        let (entered, enter) = AsyncStream.makeStream(of: Void.self)
        let (released, release) = AsyncStream.makeStream(of: Void.self)
        async let first = turns.run { () -> Int in
            enter.yield()
            for await _ in released { break }
            return 0
        }
        for await _ in entered { break }
        try await withThrowingTaskGroup(of: Int?.self) { group in
            for number in 1...5 { group.addTask { try await turns.run { number } } }
            // One waits, the others are refused while it does.
            var answers: [Int?] = []
            for _ in 1...4 { answers.append(try await group.next() ?? 0) }
            #expect(answers == [nil, nil, nil, nil])
            release.yield()
            let last = try await group.next() ?? nil
            #expect((1...5).contains(last ?? 0))
        }
        let (begun, next) = (try await first, try await turns.run { 6 })
        #expect(begun == 0)
        #expect(next == 6)
    }
}

@Suite("Parts of the page")
struct PagePartTests {
    @Test("What is interpolated into markup is text")
    func markup() {
        let foreign = "<a href='x'>\"&\u{0}é"
        let item: Markup = "<b>\(foreign)</b>"
        #expect(item.text == "<b>&lt;a href=&#39;x&#39;&gt;&quot;&amp;\u{FFFD}é</b>")
        let list: Markup = "<ul>\([item, item])</ul>\(3)"
        #expect(list.text == "<ul>\(item.text)\(item.text)</ul>3")
    }

    @Test(
        "Numbers are written for people",
        arguments: [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567"), (-12_345, "-12,345")])
    func counts(number: Int, text: String) {
        #expect(PageNumber.count(number) == text)
    }

    @Test(
        "Durations have their two largest units",
        arguments: [
            (0, "0 s"), (0.4, "0 s"), (59.4, "59 s"), (60, "1 min"), (61, "1 min 1 s"), (8040, "2 h 14 min"),
            (90_000, "1 d 1 h"), (86_400, "1 d"), (.infinity, "very long"), (1e300, "very long"), (-5, "0 s"),
        ] as [(Double, String)])
    func durations(seconds: Double, text: String) {
        #expect(PageNumber.duration(seconds) == text)
    }

    @Test(
        "Rates have the digits that say something",
        arguments: [
            (0, "0 jobs/h"), (0.05, "180 jobs/h"), (0.1, "0.10 jobs/s"), (9.876, "9.88 jobs/s"), (12.34, "12.3 jobs/s"),
            (1234, "1,234 jobs/s"),
        ])
    func rates(rate: Double, text: String) {
        let (number, unit) = PageNumber.rate(rate)
        #expect("\(number) \(unit)" == text)
    }

    @Test("Causes of failed and of waiting jobs are one list, the most frequent first")
    func causes() {
        let merged = FailureCause.merged(
            failed: [.init(code: "a", jobs: 3, example: "x"), .init(code: "b", jobs: 1, example: "y")],
            waiting: [.init(code: "c", jobs: 4, example: "z"), .init(code: "b", jobs: 1, example: "w")])
        #expect(merged.map(\.code) == ["c", "a", "b"])
        #expect(merged.map(\.failed) == [0, 3, 1])
        #expect(merged.map(\.waiting) == [4, 0, 1])
        #expect(merged[2].example == "y")
    }

    @Test("The last hour is a figure every half minute")
    func history() {
        var history = RateHistory()
        let start = ContinuousClock.now
        for second in 0..<7200 { history.note(Double(second), at: start + .seconds(second)) }
        #expect(history.rates.count == 120)
        #expect(history.rates.first == 3600)
        #expect(history.rates.last == 7170)
    }
}
