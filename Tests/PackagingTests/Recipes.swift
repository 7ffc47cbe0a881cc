import Base
import Foundation
import TestSupport
import Testing

/// The files of this repository that are tried here, and what the programs say of their options.
enum Recipes {
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path

    static func path(_ name: String) -> String { repository + "/" + name }

    static func text(of name: String) throws -> String { try String(contentsOfFile: path(name), encoding: .utf8) }

    /// The paths, in the repository, of the files below a folder.
    static func files(below folder: String) throws -> [String] {
        let names = try #require(FileManager.default.enumerator(atPath: path(folder))).compactMap { $0 as? String }
        return names.sorted().map { folder + "/" + $0 }.filter { name in
            var isFolder: ObjCBool = false
            return FileManager.default.fileExists(atPath: path(name), isDirectory: &isFolder) && !isFolder.boolValue
        }
    }

    /// Returns what a program's help says, all of its commands together.
    static func help(of program: String) throws -> String {
        let dump = try Programs.run(Programs.folder + "/" + program, ["--experimental-dump-help"])
        try #require(dump.status == 0)
        return dump.output
    }

    /// The flags of a command.
    static func flags(of words: [String]) throws -> Set<String> {
        let program = try #require(words.first)
        let outcome = try Programs.run(Programs.folder + "/" + program, words.dropFirst() + ["--help"])
        try #require(outcome.status == 0, "\(outcome.errors)")
        return Set(outcome.output.matches(of: /--[a-z0-9-]+/).map { String($0.0) })
    }
}
