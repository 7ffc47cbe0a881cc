import Base
import Foundation
import TestSupport
import Testing

@Suite("Files", .timeLimit(.minutes(15)))
struct FileTests {
    private func error(_ response: HTTPExchange.Response) throws -> [String?] {
        let error = try JSON(parsing: response.text)["error"]
        return [error?["code"]?.string, error?["param"]?.string]
    }

    @Test("A file is uploaded, listed, read, found again after a restart, and deleted")
    func lifeOfAFile() throws {
        let place = try StatePlace()
        let text = "{\"a\": 1}\n--boundary-of-the-tes\r\n"
        var ids: [String] = []
        do {
            let world = try ServedWorld(place.arguments(withWorld: false), waitsForWorld: false)
            for number in 0..<3 {
                let file = try world.upload(text, purposeFirst: number == 1)
                #expect(file["object"]?.string == "file")
                #expect(file["bytes"]?.integer == text.utf8.count)
                #expect(file["filename"]?.string == "in.jsonl")
                #expect(file["purpose"]?.string == "batch")
                #expect(file["status"]?.string == "processed")
                ids.insert(try #require(file["id"]?.string), at: 0)
            }
        }
        let world = try ServedWorld(place.arguments(withWorld: false), waitsForWorld: false)
        func list(_ query: String) throws -> JSON { try JSON(parsing: try world.get("/v1/files" + query).text) }
        func names(_ list: JSON) -> [String]? { list["data"]?.array?.compactMap { $0["id"]?.string } }
        #expect(names(try list("")) == ids)
        let page = try list("?limit=2")
        #expect(names(page) == Array(ids[..<2]))
        #expect(page["first_id"]?.string == ids[0] && page["last_id"]?.string == ids[1])
        #expect(page["has_more"] == .bool(true))
        let rest = try list("?after=\(ids[1])")
        #expect(names(rest) == [ids[2]])
        #expect(rest["has_more"] == .bool(false))
        #expect(names(try list("?order=asc")) == ids.reversed())
        #expect(names(try list("?purpose=batch_output")) == [])
        #expect(try world.get("/v1/files?after=nobody").status == 400)
        #expect(try world.get("/v1/files/\(ids[0])/content").text == text)
        let deleted = try HTTPExchange.request("DELETE", "/v1/files/\(ids[0])", port: world.port)
        #expect(try JSON(parsing: deleted.text)["deleted"] == .bool(true))
        for path in ["", "/content"] { #expect(try world.get("/v1/files/\(ids[0])\(path)").status == 404) }
        #expect(names(try list("")) == Array(ids[1...]))
        let left = try FileManager.default.contentsOfDirectory(atPath: place.state + "/files")
        #expect(Set(left) == Set(ids[1...].flatMap { ["\($0).json", "\($0).data"] }))
    }

    @Test("A form that lacks something, or has too much, is refused and leaves nothing")
    func badForms() throws {
        let place = try StatePlace()
        let world = try ServedWorld(place.arguments(withWorld: false), waitsForWorld: false)
        func post(_ form: (body: String, type: [String: String])) throws -> HTTPExchange.Response {
            try world.post("/v1/files", form.body, headers: form.type)
        }
        let good = ServedWorld.form("x")
        #expect(try error(try post(ServedWorld.form("x", purpose: nil))) == ["invalid_value", "purpose"])
        #expect(try error(try post(ServedWorld.form("x", purpose: "fine-tune"))) == ["invalid_value", "purpose"])
        let cut = try post((String(good.body.dropLast(12)), good.type))
        #expect(cut.status == 400)
        #expect(try error(cut) == ["invalid_multipart", nil])
        let other = try post((good.body, ["content-type": "multipart/form-data; boundary=another"]))
        #expect(try error(other) == ["invalid_multipart", nil])
        #expect(
            try error(try post((good.body, ["content-type": "multipart/form-data"]))) == ["invalid_multipart", nil])
        #expect(try post((good.body, ["content-type": "application/json"])).status == 400)
        let twice = good.body.replacingOccurrences(of: "name=\"purpose\"", with: "name=\"file\"; filename=\"b\"")
        #expect(try error(try post((twice, good.type))) == ["invalid_value", "file"])
        let field = try post(ServedWorld.form("x", purpose: String(repeating: "a", count: 5000)))
        #expect(field.status == 413)
        // The length alone is enough to say no.
        let large = try HTTPExchange(port: world.port)
        let head = "POST /v1/files HTTP/1.1\r\nhost: localhost\r\ncontent-type: multipart/form-data; boundary=x\r\n"
        try large.send(Array((head + "content-length: 300000000\r\n\r\n").utf8))
        #expect(try large.response().status == 413)
        #expect(try FileManager.default.contentsOfDirectory(atPath: place.state + "/files") == [])
        // Half a file, and the client is gone.
        let half = try HTTPExchange(port: world.port)
        try half.send(Array((head + "content-length: 1000\r\n\r\n" + good.body.prefix(150)).utf8))
        half.leave()
        #expect(try JSON(parsing: try world.get("/v1/files").text)["data"] == .array([]))
        #expect(try world.upload("x")["bytes"]?.integer == 1)
    }

    @Test("A file of many megabytes comes back as it was sent")
    func largeFile() throws {
        let place = try StatePlace()
        let world = try ServedWorld(place.arguments(withWorld: false), waitsForWorld: false)
        let text = (0..<400_000).map { "line \($0) \r\n--boundary" }.joined()
        let id = try #require(try world.upload(text)["id"]?.string)
        let response = try world.get("/v1/files/\(id)/content")
        #expect(response.headers["content-length"] == "\(text.utf8.count)")
        #expect(response.text == text)
    }

    @Test("Without a folder there are no files and no batches, and the answer says what to do")
    func withoutState() throws {
        let folder = try TemporaryFolder()
        let world = try ServedWorld(["--queue", folder.file("q.db")], waitsForWorld: false)
        let form = ServedWorld.form("x")
        for response in [
            try world.post("/v1/files", form.body, headers: form.type), try world.get("/v1/files"),
            try world.get("/v1/files/a/content"), try world.post("/v1/batches", "{}"), try world.get("/v1/batches/a"),
        ] {
            #expect(response.status == 501)
            #expect(response.headers["x-should-retry"] == "false")
            #expect(response.text.contains("--state"))
        }
    }

    @Test("A second service on a folder is refused and says who has it")
    func secondService() throws {
        let place = try StatePlace()
        let world = try ServedWorld(place.arguments(withWorld: false), waitsForWorld: false)
        let second = try Programs.run(
            Programs.paligemma,
            ["serve", "--port", "0", "--queue", place.folder.file("other.db"), "--state", place.state])
        #expect(second.status == 2)
        #expect(second.errors.contains("process \(world.process) on "))
        #expect(try world.get("/health").status == 200)
    }
}
