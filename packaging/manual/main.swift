import Base
import Foundation

// PROGRAM --experimental-dump-help | manual-pages FOLDER DATE VERSION
//
// Writes the manual pages of a program, one a command, from what its parser knows of the options. Without Python and without
// a description of its own: a page cannot be out of date.

let arguments = CommandLine.arguments
guard arguments.count == 4 else {
    FileHandle.standardError.write(Data("PROGRAM --experimental-dump-help | manual-pages FOLDER DATE VERSION\n".utf8))
    exit(2)
}
do {
    let input = FileHandle.standardInput.readDataToEndOfFile()
    let command = try CommandDescription(dump: JSON(parsing: String(decoding: input, as: UTF8.self)))
    let heading = ManualPage.Heading(date: arguments[2], version: arguments[3])
    for page in ManualPage.all(of: command, heading: heading) {
        try FileSystem.write(Array(page.text.utf8), to: "\(arguments[1])/\(page.name).1")
    }
} catch {
    FileHandle.standardError.write(Data("manual-pages: \(error)\n".utf8))
    exit(1)
}
