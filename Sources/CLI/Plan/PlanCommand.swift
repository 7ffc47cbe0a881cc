import ArgumentParser
import Base
import Foundation
import Measure
import PaliGemma
import ShardPlan
import Tensor
import WorkerInterface

/// Says which worlds to start on which hosts.
struct PlanCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "plan",
        abstract: "Say how many worlds of how many ranks caption most an hour on some hosts.",
        discussion: """
            An estimate by the arithmetic of the model and the rates of a host. The rates are measured on this machine \
            in a few seconds, and taken for each core and, where the hosts have another number of cores, for that many; \
            --processor takes those of a known kind of processor instead. All hosts are alike. \
            `paligemma bench --steady` measures what is estimated here.

              paligemma plan --shape 3b-448 --hosts 4 --link-gbits 10
              paligemma plan --model DIR --hosts 8 --processor zen5 --cores 16 --memory 32g --precision int8
            """)

    @OptionGroup(title: "Model") var model: PlanModelOptions
    @OptionGroup(title: "Hosts") var hosts: PlanHostOptions

    enum Computing: OptionSelection {
        typealias Table = WorkerOptions
        static let options: [any AnyOptionDefinition] = [
            Table.table.precision, Table.table.batchRows, Table.table.keyValueBudget, Table.table.sequences,
            Table.table.featureCache,
        ]
    }

    @OptionGroup(title: "World") var computing: OptionFlags<Computing>

    @Option(help: Variable.newTokens.help("Tokens of each answer.", default: "20", valueName: "count"))
    var newTokens: Int?

    @Flag(help: Variable.json.help("One JSON object for programs."))
    var json = false

    func run() throws {
        let worker = try computing.values()
        let model = try model.resolved(worker.precision)
        let hosts = try hosts.resolved()
        let asJSON = try Variable.json.isOn(json)
        let work = Workload(
            configuration: model.configuration, elementSize: model.elementSize,
            promptRows: BenchSettings.promptRows,
            newTokens: try Variable.newTokens.count(newTokens, option: "--new-tokens") ?? 20,
            batchRows: worker.effectiveBatchRows, cacheBytes: worker.keyValueBudget, sequences: worker.sequences,
            featureBytes: worker.featureCache)
        let rates = try PlanRates(of: hosts, precision: worker.precision.rawValue)
        let plan = try DeploymentPlan(
            work, hosts: hosts.count,
            PlannedHost(cores: hosts.cores, memory: hosts.memory, rates: rates.host, link: hosts.linkBytesPerSecond))
        let report = DeploymentReport(
            plan, model: model.name, precision: worker.precision.rawValue, hosts: hosts, rates: rates)
        print(asJSON ? report.json : report.text)
        guard plan.best != nil else {
            throw CommandFailure(.environment, "no world fits into the memory of these hosts")
        }
    }
}
