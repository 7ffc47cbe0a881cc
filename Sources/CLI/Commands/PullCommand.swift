import ArgumentParser
import Base
import Foundation
import Hub
import Queue
import WorkerInterface

struct PullCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pull",
        abstract: "Fetch a model from a hub into the cache that other programs share.",
        discussion: """
            Fetches settings, tokenizer and safetensors, checks each file against the hub's checksum, and prints the \
            model's directory. What is there is not fetched again; the same command continues an interrupted one. \
            docs/pull.md has the variables of hub, cache and token.

              paligemma pull google/paligemma2-3b-mix-448
              paligemma pull google/paligemma-3b-pt-224@bfloat16
              paligemma run --model google/paligemma2-3b-mix-448 --prompt "caption en" pictures/ --output captions.jsonl
            """)

    @Argument(help: "The model: org/name, or org/name@revision for a branch, a tag, a commit or refs/pr/NUMBER.")
    var model: String?

    @Flag(
        help: Variable.pullVerify.help("Check the bytes of files that are there already, and fetch damaged ones again.")
    )
    var verify = false

    func run() throws {
        let reference = try ModelReference(try Variable.model.required(model, option: "<model>"))
        let environment = HubEnvironment()
        let pull = ModelPull(
            reference, into: HubCache(root: try environment.cacheRoot()), from: try HubClient(environment),
            verifiesAll: try Variable.pullVerify.isOn(verify))
        var display = PullDisplay()
        let start = ContinuousClock.now
        let pulled: PulledModel
        do {
            defer { display.end() }
            pulled = try pull.run { display.show($0) }
        }
        let seconds = (ContinuousClock.now - start).inSeconds
        Console.writeLine(
            "\(reference) at commit \(pulled.commit): \(pulled.files) files, \(ByteCount.text(Int(pulled.bytes))), "
                + "\(pulled.fetchedBytes == 0 ? "all there" : "\(ByteCount.text(Int(pulled.fetchedBytes))) fetched") "
                + "in \(ProgressDisplay.time(seconds))")
        print(pulled.directory)
    }
}
