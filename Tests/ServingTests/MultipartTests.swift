import Serving
import Testing

@Suite("Forms")
struct MultipartTests {
    /// A part, as the parser tells of it.
    private struct Part: Equatable {
        var name: String
        var fileName: String?
        var value: [UInt8]
        var hasEnded = false
    }

    private func parts(of pieces: [ArraySlice<UInt8>], boundary: String = "X-y") throws -> [Part] {
        var parser = MultipartParser(boundary: Array(boundary.utf8))
        var parts: [Part] = []
        for piece in pieces {
            try parser.take(piece) { event in
                switch event {
                case .part(let header):
                    parts.append(Part(name: header.name, fileName: header.fileName, value: []))
                case .data(let bytes): parts[parts.count - 1].value += bytes
                case .end: parts[parts.count - 1].hasEnded = true
                }
            }
        }
        try parser.finish()
        return parts
    }

    /// A file whose bytes look like boundaries, an empty field, and what stands before and behind the form.
    private static let body = Array(
        ("before it\r\n--X-y \t\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a \\\"b\\\".jsonl\"\r\n"
            + "Content-Type: application/octet-stream\r\n\r\n\r\n--X-\r\r\n--X-z\r\n\r\n--X-y\r\n"
            + "content-disposition:form-data;name=empty\r\n\r\n\r\n--X-y\r\n"
            + "Content-Disposition: form-data; name=\"purpose\"\r\n\r\nbatch\r\n--X-y--\r\nbehind it\r\n--X-y").utf8)
    private static let expected = [
        Part(
            name: "file", fileName: "a \"b\".jsonl", value: Array("\r\n--X-\r\r\n--X-z\r\n".utf8), hasEnded: true),
        Part(name: "empty", fileName: nil, value: [], hasEnded: true),
        Part(name: "purpose", fileName: nil, value: Array("batch".utf8), hasEnded: true),
    ]

    @Test("A form is the same wherever it is cut in two or three, and byte by byte")
    func cuts() throws {
        let body = Self.body
        #expect(try parts(of: [body[...]]) == Self.expected)
        for first in 0...body.count {
            let (head, tail) = (body[..<first], body[first...])
            #expect(try parts(of: [head, tail]) == Self.expected, "cut at \(first)")
            let second = first + (body.count - first) / 2
            #expect(
                try parts(of: [head, body[first..<second], body[second...]]) == Self.expected,
                "cut at \(first) and \(second)")
        }
        #expect(try parts(of: body.indices.map { body[$0...$0] }) == Self.expected)
    }

    @Test("A body that ends early is refused wherever it ends")
    func truncated() throws {
        let end = try #require(Self.body.firstRange(of: Array("--X-y--".utf8))).upperBound
        for count in 0..<end {
            #expect(throws: MultipartError.self, "\(count) bytes") { try parts(of: [Self.body[..<count]]) }
        }
        #expect(try parts(of: [Self.body[..<end]]) == Self.expected)
    }

    @Test(
        "What is no form is refused",
        arguments: [
            "hello", String(repeating: "a", count: 5000), "--X-yz\r\n\r\n\r\n--X-y--",
            "--X-y\r\n\r\nno header\r\n--X-y--", "--X-y\r\nContent-Disposition: form-data\r\n\r\nv\r\n--X-y--",
            "--X-y\r\nContent-Disposition: attachment; name=a\r\n\r\nv\r\n--X-y--",
            "--X-y\r\nContent-Disposition: form-data; name=a\r\nContent-Disposition: form-data; name=b\r\n\r\nv\r\n--X-y--",
            "--X-y\r\nContent-Disposition: form-data; name=\(String(repeating: "a", count: 9000))\r\n\r\nv\r\n--X-y--",
            String(
                repeating: "--X-y\r\nContent-Disposition: form-data; name=a\r\n\r\nv\r\n", count: 33) + "--X-y--",
        ])
    func refused(text: String) {
        #expect(throws: MultipartError.self) { try parts(of: [Array(text.utf8)[...]]) }
    }

    @Test("Names are read with quotation marks, without, and in the form for other alphabets")
    func names() throws {
        func header(_ text: String) throws -> [String?] {
            let header = try MultipartHeader(Array("Content-Disposition: form-data; \(text)".utf8))
            return [header.name, header.fileName]
        }
        #expect(try header("name=file; filename=x.jsonl") == ["file", "x.jsonl"])
        #expect(try header("filename=\"a;b=c.jsonl\" ; name=\"f\"") == ["f", "a;b=c.jsonl"])
        #expect(try header("name=f; filename=\"C:\\temp\\a.jsonl\"") == ["f", "C:\\temp\\a.jsonl"])
        #expect(try header("name=f; filename=x; filename*=UTF-8''na%C3%AFve.jsonl") == ["f", "naïve.jsonl"])
        #expect(try header("NAME=\"f\"") == ["f", nil])
    }

    @Test("The boundary stands in the type, with quotation marks where it needs them")
    func boundaries() throws {
        func boundary(_ type: String) throws -> String {
            String(decoding: try MultipartHeader.boundary(ofType: type), as: UTF8.self)
        }
        #expect(try boundary("multipart/form-data; boundary=abc") == "abc")
        #expect(try boundary("Multipart/Form-Data;charset=utf-8;BOUNDARY=\"a b:c\"") == "a b:c")
        for wrong in [
            "", "application/json", "multipart/form-data", "multipart/form-data; boundary=",
            "multipart/form-data; boundary=ä", "multipart/form-data; boundary=\(String(repeating: "a", count: 71))",
        ] {
            #expect(throws: MultipartError.self, "\(wrong)") { try boundary(wrong) }
        }
    }
}
