import ArgumentParser

struct InspectCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "inspect",
        abstract: "Look at a picture or a model the way the software sees it.",
        subcommands: [
            InspectImageCommand.self, InspectModelCommand.self, InspectPlanCommand.self, InspectLogitsCommand.self,
        ])
}
