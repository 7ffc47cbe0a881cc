import Base
import Foundation
import TestSupport
import Testing

/// A real `paligemma serve` with a world of its own, on a port that was free.
final class ServedWorld {
    private struct Ended: Error { let errors: String }

    let folder: TemporaryFolder
    let port: Int
    private let program: BackgroundProgram

    /// The model of the examples.
    static let model: String = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        return root.appendingPathComponent("Examples/miniature/model").standardizedFileURL.path
    }()

    /// A picture of the examples, in base64.
    static let picture: String = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        let path = root.appendingPathComponent("Examples/pictures/one-shape.png").path
        return (FileManager.default.contents(atPath: path) ?? Data()).base64EncodedString()
    }()

    /// - Parameters:
    ///   - arguments: Those of `paligemma serve`, but for the port.
    ///   - waitsForWorld: Whether to wait until a world is there, or only until the service listens.
    init(_ arguments: [String], environment: [String: String] = [:], waitsForWorld: Bool = true) throws {
        folder = try TemporaryFolder()
        program = try BackgroundProgram(
            Programs.paligemma, ["serve", "--port", "0"] + arguments,
            environment: BackgroundProgram.plainEnvironment.merging(Programs.openMPI) { $1 }.merging(environment) {
                $1
            },
            output: folder.file("output"), errors: folder.file("errors"))
        var port: Int?
        let limit = 60.0
        let program = program
        try Wait.until("the service listens", seconds: limit) {
            if !program.isRunning { throw Ended(errors: program.errors) }
            let line = program.errors.split(separator: "\n").first { $0.contains("listening on http://") }
            port = line.flatMap { $0.split(separator: ":").last }.flatMap { Int($0) }
            return port != nil
        }
        self.port = try #require(port)
        guard waitsForWorld else { return }
        let known = self.port
        try Wait.until("a world is there", seconds: limit) {
            try HTTPExchange.request("GET", "/ready", port: known).status == 200
        }
    }

    deinit {
        // The first lets it answer what it has taken, the second ends it.
        while program.isRunning {
            program.signal(SIGTERM)
            usleep(300_000)
        }
    }

    var errors: String { program.errors }
    var process: pid_t { program.id }

    func signal(_ number: Int32) { program.signal(number) }
    func wait() -> Int32 { program.wait() }

    func get(_ path: String, headers: [String: String] = [:]) throws -> HTTPExchange.Response {
        try HTTPExchange.request("GET", path, port: port, headers: headers)
    }

    func post(_ path: String, _ body: String, headers: [String: String] = [:]) throws -> HTTPExchange.Response {
        try HTTPExchange.request("POST", path, port: port, headers: headers, body: body)
    }

    /// Returns the body of a request for a chat about the picture.
    static func chat(_ prompt: String, _ more: String = "") -> String {
        """
        {"messages": [{"role": "user", "content": [{"type": "text", "text": "\(prompt)"},
         {"type": "image_url", "image_url": {"url": "data:image/png;base64,\(picture)"}}]}]\(more)}
        """
    }
}
