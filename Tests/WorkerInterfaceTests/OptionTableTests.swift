import ArgumentParser
import PaliGemma
import Pictures
import Tensor
import Testing
import WorkerInterface

/// A small table with an option of each kind.
private struct SmallTable: OptionTable {
    static let table = SmallTable()
    static let all = definitions(of: table)

    let folder = OptionDefinition<String?>.text(
        OptionDescription("folder", variable: "TEST_FOLDER", help: "A folder.", valueName: "dir"), .model)
    let count = OptionDefinition<Int>.count(
        OptionDescription(
            "maximum-count", variable: "TEST_MAXIMUM_COUNT", help: "A number.",
            legacyNames: ["most-count"], legacyVariables: ["TEST_MOST_COUNT"]), .world, default: 3)
    let size = OptionDefinition<Int>.bytes(
        OptionDescription("size", variable: "TEST_SIZE", help: "A size."), .world, default: "1k")
    let names = OptionDefinition<[String]>.texts(
        OptionDescription("name", variable: "TEST_NAMES", kind: .list(separator: ","), help: "Names."), .world)
    let quiet = OptionDefinition<Bool>.toggle(
        OptionDescription("quiet", variable: "TEST_QUIET", help: "Silence."), .world)
    let offset = OptionDefinition<Double>.seconds(
        OptionDescription("offset", variable: "TEST_OFFSET", help: "An offset.", allowsLeadingDash: true), .world,
        default: 0, expectation: "seconds are expected", isValid: { _ in true })
    let secret = OptionDefinition<String?>.text(
        OptionDescription("secret", variable: "TEST_SECRET", help: "", isVariableOnly: true), .world)
}

private struct SmallCommand: ParsableCommand {
    enum Options: OptionSelection {
        typealias Table = SmallTable
        static let options = SmallTable.all
    }

    @OptionGroup var options: OptionFlags<Options>
}

@Suite("Tables of options") struct OptionTableTests {
    private func values(_ words: [String], _ environment: [String: String] = [:]) throws -> OptionValues<SmallTable> {
        try SmallCommand.parse(words).options.values(environment: environment)
    }

    @Test("What is not given has its default")
    func defaults() throws {
        let values = try values([])
        #expect(values.folder == nil && values.count == 3 && values.size == 1024 && values.names == [])
        #expect(!values.quiet && values.offset == 0 && values.secret == nil)
        #expect(!values.isGiven(\.count) && values.arguments.isEmpty && values.environment.isEmpty)
    }

    @Test("Flags of every kind are read, and a former name still works")
    func flags() throws {
        let values = try values([
            "--folder", "a", "--most-count", "7", "--size=2k", "--name", "x", "--name", "y", "--quiet", "--offset",
            "-1.5",
        ])
        #expect(values.folder == "a" && values.count == 7 && values.size == 2048 && values.names == ["x", "y"])
        #expect(values.quiet && values.offset == -1.5)
        #expect(values.isGiven(\.count))
    }

    @Test("A flag goes before its variable, a variable before a former one, and an empty variable is none")
    func precedence() throws {
        let environment = [
            "PALIGEMMA_TEST_MAXIMUM_COUNT": "5", "PALIGEMMA_TEST_MOST_COUNT": "6", "PALIGEMMA_TEST_NAMES": "x,y",
            "PALIGEMMA_TEST_QUIET": "on", "PALIGEMMA_TEST_FOLDER": "", "PALIGEMMA_TEST_SECRET": "s",
        ]
        let fromVariables = try values([], environment)
        #expect(fromVariables.count == 5 && fromVariables.names == ["x", "y"] && fromVariables.quiet)
        #expect(fromVariables.folder == nil && fromVariables.secret == "s")
        #expect(try values(["--maximum-count", "4"], environment).count == 4)
        #expect(try values([], ["PALIGEMMA_TEST_MOST_COUNT": "6"]).count == 6)
    }

    @Test(
        "A wrong value is refused, wherever it stands, with the option's name and what is expected",
        arguments: [
            (
                ["--maximum-count", "0"], [:],
                "--maximum-count (PALIGEMMA_TEST_MAXIMUM_COUNT) is 0; a number from 1 is expected"
            ),
            (
                [], ["PALIGEMMA_TEST_SIZE": "big"],
                "--size (PALIGEMMA_TEST_SIZE) is big; a size such as 2g, 512m or 1000000 is expected"
            ),
            ([], ["PALIGEMMA_TEST_QUIET": "perhaps"], "--quiet (PALIGEMMA_TEST_QUIET) is perhaps; 1 or 0 is expected"),
            (["--offset", "soon"], [:], "--offset (PALIGEMMA_TEST_OFFSET) is soon; seconds are expected"),
        ])
    func wrongValues(words: [String], environment: [String: String], message: String) throws {
        #expect(throws: OptionError(message)) { try values(words, environment) }
    }

    @Test("What is handed on as flags or as variables is read as the same values")
    func roundTrip() throws {
        var values = OptionValues<SmallTable>()
        values.folder = "a b"
        values.count = 9
        values.size = 3 << 20
        values.names = ["x", "y"]
        values.quiet = true
        values.offset = 0.25
        values.secret = "s"
        for read in [try self.values(values.arguments), try self.values([], values.environment)] {
            #expect(read.folder == "a b" && read.count == 9 && read.size == 3 << 20 && read.names == ["x", "y"])
            #expect(read.quiet && read.offset == 0.25)
        }
        #expect(!values.arguments.joined(separator: " ").contains("secret"))
        #expect(values.environment["PALIGEMMA_TEST_SECRET"] == "s")
    }

    @Test("The help names every flag with its variable and default, and no former name")
    func help() {
        let help = SmallCommand.helpMessage(columns: 200)
        #expect(help.contains("--folder <dir>") && help.contains("A folder. [PALIGEMMA_TEST_FOLDER]"))
        // The default's text is made from the default.
        #expect(help.contains("[PALIGEMMA_TEST_MAXIMUM_COUNT; default: 3]"))
        #expect(help.contains("[PALIGEMMA_TEST_SIZE; default: 1k]"))
        #expect(help.contains("[PALIGEMMA_TEST_OFFSET; default: 0]"))
        #expect(!help.contains("most-count") && !help.contains("secret"))
    }
}

@Suite("Options of pg-worker") struct WorkerOptionTests {
    @Test("No two options of pg-worker have a flag or a variable in common")
    func uniqueNames() {
        let descriptions = WorkerOptions.all.map(\.description)
        #expect(Set(descriptions.map(\.name)).count == descriptions.count)
        #expect(Set(descriptions.map(\.variable)).count == descriptions.count)
        #expect(descriptions.count > 20)
    }

    @Test("Every option that is set reaches the worker as it was set")
    func handedOn() throws {
        var settings = WorkerSettings()
        settings.model = "model"
        settings.queue = "jobs.db"
        settings.drain = true
        settings.ranksExpected = 3
        settings.precision = .int8
        settings.prefill = .columns
        settings.link = .bfloat16
        settings.adapters = ["a=x", "b=y"]
        settings.drainTimeout = 12.5
        settings.keyValueBudget = 1 << 30
        struct Worker: ParsableCommand {
            enum Options: OptionSelection {
                typealias Table = WorkerOptions
                static let options = WorkerOptions.all
            }
            @OptionGroup var options: OptionFlags<Options>
        }
        let read = try Worker.parse(settings.arguments).options.values(environment: [:])
        #expect(read.model == "model" && read.queue == "jobs.db" && read.drain && read.ranksExpected == 3)
        #expect(read.precision == .int8 && read.prefill == .columns && read.link == .bfloat16)
        #expect(read.adapters == ["a=x", "b=y"] && read.drainTimeout == 12.5 && read.keyValueBudget == 1 << 30)
        #expect(settings.arguments.starts(with: ["--model", "model", "--queue", "jobs.db", "--drain"]))
    }

    @Test("The former option --weights means what it meant: bf16 was the exact mode")
    func formerWeights() throws {
        struct Worker: ParsableCommand {
            enum Options: OptionSelection {
                typealias Table = WorkerOptions
                static let options: [any AnyOptionDefinition] = [WorkerOptions.table.precision]
            }
            @OptionGroup var options: OptionFlags<Options>
        }
        func read(_ arguments: [String], _ environment: [String: String] = [:]) throws -> Precision {
            try Worker.parse(arguments).options.values(environment: environment).precision
        }
        #expect(try read(["--weights", "bf16"]) == .exact && read(["--weights", "int8"]) == .int8)
        #expect(try read(["--precision", "bf16"]) == .bf16 && read(["--precision", "exact"]) == .exact)
        #expect(try read([], ["PALIGEMMA_WEIGHTS": "bf16"]) == .exact)
        #expect(try read([], ["PALIGEMMA_WEIGHTS": "int8"]) == .int8)
        #expect(try read([], ["PALIGEMMA_PRECISION": "bf16", "PALIGEMMA_WEIGHTS": "int8"]) == .bf16)
        #expect(try read([]) == .exact)
    }

    @Test("A model or queue that is missing is named with its flag and its variable")
    func missing() {
        #expect(throws: OptionError("Missing '--queue': give it, or set PALIGEMMA_QUEUE.")) {
            try WorkerSettings(["model": ["m"]], of: WorkerOptions.all)
        }
    }
}

@Suite("Exit codes") struct ExitStatusTests {
    @Test("Every exit code is read as the status that it was written as")
    func roundTrip() {
        let statuses = ExitStatus.ofWorkers + [.queueRefuses, .signal(2), .signal(15)]
        for status in statuses { #expect(ExitStatus(code: status.code) == status) }
        let codes: [Int32] = [0, 1, 2, 3, 4, 5, 70, 71, 75, 78, 130, 143]
        #expect(statuses.map(\.code) == codes)
        #expect(ExitStatus(code: 64) == nil)
    }

    @Test("The help names every code")
    func help() {
        let help = ExitStatus.help(ExitStatus.ofWorkers)
        for status in ExitStatus.ofWorkers { #expect(help.contains("\(status.code) \(status.meaning)")) }
    }
}
