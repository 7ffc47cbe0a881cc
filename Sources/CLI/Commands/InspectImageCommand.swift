import ArgumentParser
import Foundation
import Hub
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
            Table.table.model, Table.table.resize, Table.table.ignoreEXIF, Table.table.lenient, Table.table.background,
            Table.table.scale16Bit, Table.table.pixelLimit, Table.table.fastDecode,
        ]
    }

    @OptionGroup var options: OptionFlags<Options>

    @Option(help: Variable.output.help("Where the PNG goes.", valueName: "file"))
    var output: String?

    func run() throws {
        let worker = try options.values()
        let output = try Variable.output.required(output, option: "--output")
        let vision = try ModelConfiguration(directory: ModelLocation.directory(of: worker.model)).vision
        let side = vision.imageSize
        let seen = try PictureReader(
            side: side, resize: worker.resize, filter: vision.preprocessing.filter,
            options: worker.imageOptions
        ).read(path: picture)
        try PNGWriter.write(seen.image, to: output)
        let damage = seen.isDamaged ? ", damaged: parts of it are missing" : ""
        print(
            "\(picture.onOneLine): \(seen.originalWidth) x \(seen.originalHeight) -> \(side) x \(side), \(output)\(damage)"
        )
    }
}
