import ArgumentParser
import Base
import JobSources
import Queue
import WorkerInterface

/// How rows of tables, lists and shards are read.
struct SourceOptions: ParsableArguments {
    @Option(
        help: Variable.from.help(
            "A source whose name does not tell its kind: pictures, list, jsonl, csv, tsv, parquet, webdataset, img2dataset or openai. May be given "
                + "several times.", valueName: "kind:path"))
    var from: [String] = []

    @Flag(
        name: [.customLong("null"), .customShort("0")],
        help: Variable.null.help("Names of lists end with NUL, as find -print0 writes them."))
    var null = false

    @Option(
        help: Variable.columns.help(
            "Which columns of tables and keys of JSON lines mean what, like image=url,prompt=question,id=key; without a header by number.",
            default: "by their names", valueName: "key=column,…"))
    var columns: String?

    @Flag(help: Variable.noHeader.help("CSV and TSV files have no row with the columns' names."))
    var noHeader = false

    @Option(
        help: Variable.carry.help(
            "Which of a row's own columns come back with the result: names with commas, all or none.", default: "all",
            valueName: "columns"))
    var carry: String?

    @Option(
        name: .customLong("id"),
        help: Variable.id.help("Ids made of a row's columns, like \"{split}/{key}\".", valueName: "template"))
    var id: String?

    @Option(
        help: Variable.imageFolder.help(
            "Where relative names in rows begin.", default: "beside their file", valueName: "dir"))
    var imageFolder: String?

    @Option(
        help: Variable.verify.help(
            "How a worker verifies that a picture is the one that was submitted: time and size, size, content (reads all now), none.",
            default: "time", valueName: PictureVerification.allCases.map(\.rawValue).joined(separator: "|")))
    var verify: PictureVerification?

    @Flag(help: Variable.allFiles.help("Take the pictures of folders by their content, whatever they are called."))
    var allFiles = false

    @Option(
        help: Variable.field.help(
            "The extension of the pictures in tar shards.", default: "jpg, jpeg, png, webp, …", valueName: "extension"))
    var field: String?

    /// The sources that are named with their kind.
    func named() throws -> [SourceName] {
        try from.map { text in
            guard let name = SourceName(text) else {
                let kinds = SourceName.Kind.allCases.map(\.rawValue).joined(separator: ", ")
                throw ValidationError("'--from' is \(text); give KIND:PATH, where KIND is \(kinds).")
            }
            return name
        }
    }

    func reading() throws -> SourceName.Reading {
        var reading = SourceName.Reading { Console.log($0) }
        reading.endsWithNUL = try Variable.null.isOn(null)
        reading.hasHeader = try !Variable.noHeader.isOn(noHeader)
        reading.looksInside = try Variable.allFiles.isOn(allFiles)
        reading.field = try Variable.field.value(field)
        return reading
    }

    /// Fills in what the options say about all jobs.
    func complete(_ template: inout JobTemplate) throws {
        template.verification = try Variable.verify.value(verify) ?? .time
        template.folder = try Variable.imageFolder.value(imageFolder)
        if imageFolder != nil { template.tally.expectRelativeNames() }
        template.carried =
            switch try Variable.carry.value(carry) {
            case nil, "all"?: .all
            case "none"?: .none
            case let names?: .named(names.split(separator: ",").map(String.init))
            }
        if let id = try Variable.id.value(id) {
            do throws(TemplateError) {
                template.id = try TextTemplate(id)
            } catch {
                throw ValidationError("'--id' is \(id): \(error).")
            }
        }
        if case .named(let names) = template.carried { template.tally.expect(names, flag: "--carry") }
        try nameColumns(&template)
    }

    private func nameColumns(_ template: inout JobTemplate) throws {
        var named: Set<ExactText> = []
        for pair in try Variable.columns.value(columns)?.split(separator: ",") ?? [] {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw ValidationError("'--columns' has \"\(pair)\"; give KEY=COLUMN, like image=url.")
            }
            let (key, column) = (parts[0], parts[1])
            if let reason = JobTemplate.reason(againstKey: key, ofColumn: column) {
                throw ValidationError("'--columns' has \"\(pair)\": \(reason).")
            }
            guard template.columns.updateValue(column, forKey: ExactText(key)) == nil else {
                throw ValidationError("'--columns' names two columns with \(key); a key means one.")
            }
            guard named.insert(ExactText(column)).inserted else {
                throw ValidationError("'--columns' names the column \(column) twice; it can mean one thing.")
            }
            template.tally.expect([column], flag: "--columns")
        }
    }

    /// Refuses flags that would be ignored: those for other sources than the given ones. What variables say stands for all
    /// commands, and counts where it fits.
    func check(_ names: [SourceName]) throws {
        let kinds = Set(names.map(\.kind))
        func isOne(_ fitting: SourceName.Kind...) -> Bool { !kinds.isDisjoint(with: fitting) }
        let hasRows = !kinds.isSubset(of: [.pictures, .list])
        let given: [(flag: String, isGiven: Bool, fits: Bool, of: String)] = [
            ("--null", null, isOne(.list), "a list of names (--list FILE, or -)"),
            ("--no-header", noHeader, isOne(.csv, .tsv), "CSV and TSV files"),
            (
                "--columns", columns != nil, isOne(.csv, .tsv, .parquet, .jsonl, .img2dataset),
                "tables and lines of JSON"
            ),
            ("--carry", carry != nil, hasRows, "sources with columns: tables, lines of JSON, shards"),
            (
                "--image-folder", imageFolder != nil, isOne(.csv, .tsv, .parquet, .jsonl, .openai),
                "rows that name pictures"
            ),
            ("--all-files", allFiles, names.contains(where: \.mayNameFolders), "folders"),
            ("--field", field != nil, isOne(.webdataset, .img2dataset), "tar shards"),
        ]
        for (flag, isGiven, fits, of) in given where isGiven && !fits {
            throw ValidationError("'\(flag)' means nothing for these sources; it is for \(of).")
        }
    }
}

extension PictureVerification: ExpressibleByArgument {}
