// Writes files for readers of other projects, and measures how fast ours read: `formats write FOLDER`,
// `formats measure KIND FILE [COLUMN]`. check.py beside this file uses the first, benchmarks/README.md the second.

import Foundation

let arguments = CommandLine.arguments.dropFirst()

do {
    switch (arguments.first, arguments.count) {
    case ("write", 2): try WrittenFiles(folder: arguments[2]).write()
    case ("measure", 3...4):
        try Measurement(file: arguments[3], column: arguments.count == 4 ? arguments[4] : nil).run(arguments[2])
    default:
        FileHandle.standardError.write(Data("see check.py and benchmarks/README.md\n".utf8))
        exit(2)
    }
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
