import Base
import Foundation
import TestSupport
import Testing

/// What clients of files and batches do.
extension ServedWorld {
    /// Returns the body of a form with a file, and its type.
    static func form(
        _ text: String, name: String = "in.jsonl", purpose: String? = "batch", purposeFirst: Bool = false
    ) -> (body: String, type: [String: String]) {
        let boundary = "boundary-of-the-test"
        let file =
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"file\"; filename=\"\(name)\"\r\n"
            + "Content-Type: application/jsonl\r\n\r\n\(text)\r\n"
        let field = purpose.map {
            "--\(boundary)\r\nContent-Disposition: form-data; name=\"purpose\"\r\n\r\n\($0)\r\n"
        }
        let parts = purposeFirst ? (field ?? "") + file : file + (field ?? "")
        return (parts + "--\(boundary)--\r\n", ["content-type": "multipart/form-data; boundary=\(boundary)"])
    }

    func upload(_ text: String, purposeFirst: Bool = false) throws -> JSON {
        let form = Self.form(text, purposeFirst: purposeFirst)
        let response = try post("/v1/files", form.body, headers: form.type)
        try #require(response.status == 200, "\(response.text)")
        return try JSON(parsing: response.text)
    }

    /// Uploads a file and begins a batch of it.
    ///
    /// - Returns: The id of the batch.
    func begin(_ lines: [String], metadata: String = "{}") throws -> String {
        let file = try #require(try upload(lines.joined(separator: "\n") + "\n")["id"]?.string)
        let response = try post(
            "/v1/batches",
            """
            {"input_file_id": "\(file)", "endpoint": "/v1/chat/completions", "completion_window": "24h",
             "metadata": \(metadata)}
            """)
        try #require(response.status == 200, "\(response.text)")
        return try #require(try JSON(parsing: response.text)["id"]?.string)
    }

    func batch(_ id: String) throws -> JSON { try JSON(parsing: try get("/v1/batches/" + id).text) }

    /// Waits until a batch has a status.
    func waitFor(_ id: String, _ status: String) throws -> JSON {
        var last = JSON.null
        try Wait.until("the batch is \(status)", seconds: 120) {
            last = try batch(id)
            return last["status"]?.string == status
        }
        return last
    }

    /// Returns the lines of a file by their custom_id; no id may come twice.
    func lines(of file: JSON?) throws -> [String: JSON] {
        guard let id = file?.string else { return [:] }
        let response = try get("/v1/files/\(id)/content")
        try #require(response.status == 200)
        let lines = try response.text.split(separator: "\n").map { try JSON(parsing: String($0)) }
        let pairs = lines.map { ($0["custom_id"]?.string ?? "", $0) }
        #expect(Set(pairs.map(\.0)).count == pairs.count)
        return Dictionary(pairs) { first, _ in first }
    }

    /// Returns a line of a batch's file about the picture of the examples.
    static func line(_ id: String, _ prompt: String = "caption en", url: String? = nil, _ more: String = "") -> String {
        let url = url ?? "data:image/png;base64,\(picture)"
        return #"{"custom_id": "\#(id)", "method": "POST", "url": "/v1/chat/completions", "body": {"model": "model", "#
            + #""messages": [{"role": "user", "content": [{"type": "text", "text": "\#(prompt)"}, "#
            + #"{"type": "image_url", "image_url": {"url": "\#(url)"}}]}]\#(more)}}"#
    }
}

/// A folder for the state of a service and one for its queue.
struct StatePlace {
    let folder: TemporaryFolder
    var state: String { folder.file("state") }
    var queue: String { folder.file("queue.db") }

    init() throws { folder = try TemporaryFolder() }

    /// What `serve` is given; with the model of the examples, or without a world.
    func arguments(withWorld: Bool) -> [String] {
        ["--queue", queue, "--state", state] + (withWorld ? ["--model", ServedWorld.model] : [])
    }
}
