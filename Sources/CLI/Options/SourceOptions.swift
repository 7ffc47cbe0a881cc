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
            "Which columns of a table mean what, like image=url,prompt=question,id=key; without a header by number.",
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
        for pair in try Variable.columns.value(columns)?.split(separator: ",") ?? [] {
            let parts = pair.split(separator: "=", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw ValidationError("'--columns' has \"\(pair)\"; give KEY=COLUMN, like image=url.")
            }
            template.columns[ExactText(parts[0])] = parts[1]
        }
    }
}

extension PictureVerification: ExpressibleByArgument {}
