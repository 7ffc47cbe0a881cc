import ArgumentParser
import Base
import Queue
import ResultSinks
import WorkerInterface

extension ResultFormat: ExpressibleByArgument {}
extension SidecarRules.Existing: ExpressibleByArgument {}

/// Where results go and how they are written.
struct OutputOptions: ParsableArguments {
    @Option(
        help: Variable.output.help(
            "Where the results go: a file, or a folder for a format of many files.", valueName: "path"))
    var output: String?

    @Option(help: Variable.outputFolder.help("A folder for a format of many files.", valueName: "folder"))
    var outputDir: String?

    @Option(
        help: Variable.format.help(
            "How they are written; docs/outputs.md has an example of each.",
            default: "by the name of the output, else jsonl",
            valueName: ResultFormat.allCases.map(\.rawValue).joined(separator: "|")))
    var format: ResultFormat?

    @Flag(help: Variable.sorted.help("In the order of the jobs, instead of that of completion."))
    var sorted = false

    @Option(
        help: Variable.sidecar.help(
            "txt: what becomes of a text that is there. skip leaves it and does not ask about its picture.",
            default: "skip", valueName: SidecarRules.Existing.allCases.map(\.rawValue).joined(separator: "|")))
    var sidecar: SidecarRules.Existing?

    @Option(
        name: .customLong("extension"),
        help: Variable.fileExtension.help("txt: the extension of the texts.", default: ".txt", valueName: "extension"))
    var fileExtension: String?

    @Option(
        parsing: .unconditional,
        help: Variable.prefix.help("txt: what stands before each answer.", valueName: "text"))
    var prefix: String?

    @Option(
        parsing: .unconditional, help: Variable.suffix.help("txt: what stands behind each answer.", valueName: "text"))
    var suffix: String?

    @Option(
        help: Variable.sidecarLog.help(
            "txt: the file that notes which answers were written.", default: "beside the queue's file",
            valueName: "file"))
    var sidecarLog: String?

    @Flag(help: Variable.withPictures.help("webdataset: copy the pictures into the shards too."))
    var withPictures = false

    @Option(
        help: Variable.cocoImages.help(
            "coco…: an annotation file of COCO that has the numbers of pictures and categories.", valueName: "file"))
    var cocoImages: String?

    /// Returns what the flags and variables say.
    ///
    /// - Throws: a usage error where a flag means nothing for the format; ``SinkError``.
    func resolved() throws -> SinkOptions {
        var options = try SinkOptions(
            format: try Variable.format.value(format), output: try Variable.output.value(output),
            folder: try Variable.outputFolder.value(outputDir))
        try check(options.format)
        options.isSorted = try Variable.sorted.isOn(sorted)
        options.sidecar.existing = try Variable.sidecar.value(sidecar) ?? options.sidecar.existing
        if let text = try Variable.fileExtension.value(fileExtension) { try options.sidecar.setExtension(text) }
        options.sidecar.prefix = try Variable.prefix.value(prefix) ?? ""
        options.sidecar.suffix = try Variable.suffix.value(suffix) ?? ""
        options.sidecarLog = try Variable.sidecarLog.value(sidecarLog)
        options.copiesPictures = try Variable.withPictures.isOn(withPictures)
        options.cocoImages = try Variable.cocoImages.value(cocoImages)
        return options
    }

    /// Refuses flags that would be ignored.
    private func check(_ format: ResultFormat) throws {
        let isCoco = [.coco, .cocoResults, .cocoCaptions].contains(format)
        let given: [(flag: String, isGiven: Bool, fits: Bool)] = [
            ("--sorted", sorted, !format.isManyFiles), ("--sidecar", sidecar != nil, format == .txt),
            ("--extension", fileExtension != nil, format == .txt), ("--prefix", prefix != nil, format == .txt),
            ("--suffix", suffix != nil, format == .txt), ("--sidecar-log", sidecarLog != nil, format == .txt),
            ("--with-pictures", withPictures, format == .webdataset), ("--coco-images", cocoImages != nil, isCoco),
        ]
        for (flag, isGiven, fits) in given where isGiven && !fits {
            throw ValidationError("'\(flag)' means nothing for the format \(format.rawValue).")
        }
    }

    /// The path that the files of a run are named after: its queue is the path and `.queue`.
    ///
    /// - Throws: a usage error where there is none.
    func runName(_ options: SinkOptions) throws -> String {
        switch options.place {
        case .file(let path): return path
        case .folder(let path):
            var name = path
            while name.utf8.count > 1, name.hasSuffix("/") { name.removeLast() }
            return name
        case .besidePictures, .standardOutput:
            let name = try Variable.output.required(output, option: "--output")
            guard name != "-" else {
                throw ValidationError("A run keeps a queue beside its output, so '--output' has to be a name.")
            }
            return name
        }
    }
}
