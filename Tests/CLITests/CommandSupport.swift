import Foundation
import TestSupport
import Testing

/// Runs the built `paligemma` in a folder of its own, beside a pg-worker that is a script.
final class CommandBench: Sendable {
    let folder: String

    init() throws {
        folder = NSTemporaryDirectory() + "paligemma-cli-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder + "/bin", withIntermediateDirectories: true)
        // A copy, for the program looks for pg-worker beside itself.
        try FileManager.default.copyItem(atPath: Self.built("paligemma"), toPath: folder + "/bin/paligemma")
        try write(Self.configuration, to: "model/config.json")
        try installStressWorker(pauseMilliseconds: 0)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: folder)
    }

    /// A program of this build; all lie beside the test bundle.
    static func built(_ name: String) throws -> String {
        let bundle = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
        return (bundle as NSString).deletingLastPathComponent + "/" + name
    }

    /// The model of the examples.
    static let miniature: String = {
        let root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("../..")
        return root.appendingPathComponent("Examples/miniature/model").standardizedFileURL.path
    }()

    private static let configuration = """
        {"model_type": "paligemma", "image_token_index": 500,
         "text_config": {"model_type": "gemma", "hidden_size": 32, "intermediate_size": 64, "num_attention_heads": 4,
           "num_hidden_layers": 2, "num_key_value_heads": 1, "head_dim": 8, "vocab_size": 512},
         "vision_config": {"model_type": "siglip_vision_model", "hidden_size": 32, "intermediate_size": 64,
           "num_attention_heads": 4, "num_hidden_layers": 2, "patch_size": 14, "image_size": 56}}
        """

    /// - Parameter script: of sh; `$QUEUE` is the queue that pg-worker was started with.
    func installWorker(_ script: String) throws {
        let text = """
            #!/bin/sh
            echo "$@" >> '\(folder)/started'
            while [ $# -gt 0 ]; do [ "$1" = --queue ] && QUEUE=$2; shift; done
            \(script)
            """
        try write(text, to: "bin/pg-worker")
        try FileManager.default.setAttributes(
            [.posixPermissions: 0o755], ofItemAtPath: folder + "/bin/pg-worker")
    }

    /// A pg-worker that answers every job with its prompt.
    func installStressWorker(pauseMilliseconds: Int) throws {
        try installWorker(
            "exec '\(Self.built("queue-stress"))' \"$QUEUE\" \"${PALIGEMMA_WORLD:-world}\" 600000 \(pauseMilliseconds)")
    }

    /// The command lines with which pg-worker was started.
    var worldsStarted: [String] {
        ((try? read("started")) ?? "").split(separator: "\n").map(String.init)
    }

    func path(_ name: String) -> String { folder + "/" + name }

    func write(_ text: String, to name: String) throws {
        let url = URL(fileURLWithPath: path(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
    }

    func read(_ name: String) throws -> String {
        guard let text = TextFile.read(path(name)) else { throw CocoaError(.fileNoSuchFile) }
        return text
    }

    func exists(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: path(name))
    }

    func writePictures(_ count: Int) throws {
        for number in 0..<count { try write("x", to: String(format: "pictures/%03d.jpg", number)) }
    }

    /// How a command ended, and what it wrote.
    struct Outcome {
        var code: Int32
        var output: String
        var errors: String
    }

    func run(_ arguments: String..., environment: [String: String] = [:]) throws -> Outcome {
        try RunningCommand(self, arguments, environment: environment).wait()
    }

    /// The jobs of a results file, as (id, whether it was answered).
    func results(_ name: String) throws -> [(id: String, answered: Bool)] {
        try read(name).split(separator: "\n").map { line in
            let object = try JSONSerialization.jsonObject(with: Data(line.utf8))
            let fields = try #require(object as? [String: Any])
            return (try #require(fields["id"] as? String), fields["error"] is NSNull)
        }
    }
}

/// A `paligemma` that runs in the folder of a bench.
final class RunningCommand {
    private let program: BackgroundProgram

    init(_ bench: CommandBench, _ arguments: [String], environment: [String: String] = [:]) throws {
        let name = UUID().uuidString
        program = try BackgroundProgram(
            bench.path("bin/paligemma"), arguments,
            environment: BackgroundProgram.plainEnvironment.merging(environment) { _, own in own },
            directory: bench.folder, output: bench.path("output-\(name)"), errors: bench.path("errors-\(name)"))
    }

    var processID: pid_t { program.id }

    func terminate() { program.signal(SIGTERM) }

    func interrupt() { program.signal(SIGINT) }

    /// What it has written to its standard error until now.
    var errorsSoFar: String { program.errors }

    /// Waits until `condition` holds; false where the command ended first.
    func waitUntil(_ condition: () -> Bool) -> Bool {
        while program.isRunning {
            if condition() { return true }
            usleep(10_000)
        }
        return condition()
    }

    func wait() throws -> CommandBench.Outcome {
        CommandBench.Outcome(code: program.wait(), output: program.output, errors: program.errors)
    }
}
