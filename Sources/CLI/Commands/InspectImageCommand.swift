import ArgumentParser
import Foundation
import PaliGemma
import Pictures
import WorkerInterface

struct InspectImageCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "image",
        abstract: "Write a picture as the model sees it: upright, resized, lossless.",
        discussion: """
              paligemma inspect image x.jpg --model DIR --output seen.png
            """)

    @Argument(help: "The picture.")
    var picture: String

    enum Options: OptionSelection {
        typealias Table = WorkerOptions
        static let options: [any AnyOptionDefinition] = [
            Table.table.model, Table.table.resize, Table.table.ignoreEXIF,
        ]
    }

    @OptionGroup var options: OptionFlags<Options>

    @Option(help: Variable.output.help("Where the PNG goes.", valueName: "file"))
    var output: String?

    func run() throws {
        let worker = try options.values()
        let output = try Variable.output.required(output, option: "--output")
        var options = ImageDecoder.Options()
        options.ignoreExif = worker.ignoreEXIF
        let vision = try ModelConfiguration(directory: worker.model).vision
        let side = vision.imageSize
        let seen = try PictureReader(
            side: side, resize: worker.resize, filter: vision.preprocessing.filter, options: options
        ).read(path: picture)
        try PNGWriter.write(seen.image, to: output)
        print("\(picture): \(seen.originalWidth) x \(seen.originalHeight) -> \(side) x \(side), \(output)")
    }
}
