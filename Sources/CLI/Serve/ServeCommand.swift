import ArgumentParser
import Base
import Foundation
import Hub
import PaliGemma
import Queue
import Serving
import WorkerInterface

struct ServeCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "serve",
        abstract: "Answer over HTTP, with the interface of OpenAI.",
        discussion: """
            With --model it starts a world and answers from it. With --queue alone it joins the worlds that work on that \
            queue. With both, its world works on that queue too: offline jobs and requests share the machine, and requests go \
            first. A page at / shows the queue and tries pictures; it shows pictures that are stored in the queue, and files below \
            --picture-root. docs/service.md has every route, limit and metric.

              paligemma serve --model DIR
              paligemma serve --model DIR --queue jobs.db --ranks 2 --port 8080
              paligemma serve --queue postgres://db/captions --host 0.0.0.0 --api-keys keys
              paligemma serve --new-key alice >> keys

            SIGTERM and SIGINT end it when the requests that it has taken are answered; a second one ends it at once.
            """)

    /// The model, where a world is to be started.
    @Option(
        help: Variable.model.help(
            "The model of the world that is started; without it the worlds of the queue answer.", valueName: "dir"))
    var model: String?

    @Option(
        help: Variable.queue.help(
            "The queue to work on: a file, or postgres://host/database.", default: "one of its own, in memory",
            valueName: "queue"))
    var queue: String?

    @OptionGroup(title: "Service") var service: ServeOptions
    @OptionGroup(title: "World") var world: WorldOptions
    @OptionGroup(title: "Supervision") var supervision: SupervisionOptions

    @Option(
        help: Variable.newKey.help(
            "Print a new key for a person and its line for the file of keys, and do nothing else.", valueName: "name"))
    var newKey: String?

    func run() throws {
        if let name = try Variable.newKey.value(newKey) { return try Self.printKey(of: name) }
        let model = try Variable.model.value(model).map { try ModelLocation.directory(of: $0) }
        let given = try Variable.queue.value(queue)
        guard model != nil || given != nil else {
            throw ValidationError("Missing '--model' or '--queue': what answers, or which queue to join.")
        }
        let settings = try model.map { try world.resolved(model: $0, configuration: ModelConfiguration(directory: $0)) }
        let supervisorSettings = try supervision.resolved()
        let temporary = given == nil ? try TemporaryQueue() : nil
        defer { temporary?.remove() }
        let name = given ?? temporary?.path ?? ""
        var serving = try service.resolved(queue: name)
        // What workers may read of jobs that come from others is what may be shown of them.
        serving.pictureRoot = try world.computing.values().pictureRoot
        // Its name is known before its world is there.
        if serving.modelName == nil, let model { serving.modelName = ModelLocation.nameWithoutRevision(of: model) }
        let session = try ServeSession(serving)
        guard let settings else { return try session.serve() }
        var command = try WorldCommand(settings, queue: name, endsWhenEmpty: false)
        command.environment.merge(try supervision.environment()) { _, own in own }
        // A queue of its own is no file that a person knows.
        let request = Doctor.Request(
            queue: given, model: model, ranks: settings.plan.ranks, environment: command.environment)
        try session.serve(from: command, supervisorSettings, FailedStart(request: request))
    }

    private static func printKey(of name: String) throws {
        guard !name.isEmpty, name.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "#") }) else {
            throw ValidationError("'--new-key' is \"\(name)\"; give a name of one word.")
        }
        let (key, line) = APIKeys.make(name: name)
        Console.writeLine("the key of \(name), which is shown only now: \(key)")
        print(line)
    }
}

/// A queue for requests alone. They are lost with the service that waits for them, so it lives in memory.
private struct TemporaryQueue {
    let path: String
    private let folder: String

    init() throws {
        let base = FileSystem.isFolder("/dev/shm") ? "/dev/shm" : NSTemporaryDirectory()
        folder = "\(base)/paligemma-serve-\(UInt64.random(in: 0 ... .max))"
        try FileSystem.makeFolder(folder, mode: 0o700)
        path = folder + "/queue"
    }

    func remove() { FileSystem.removeTree(folder) }
}
