import Base

/// A command as its parser describes it (`--experimental-dump-help`).
struct CommandDescription {
    struct UnknownForm: Error, CustomStringConvertible {
        let description: String
    }

    /// An option, a flag or an argument.
    struct Option {
        enum Kind: String {
            case option
            case flag
            case positional
        }

        let kind: Kind
        /// As they are typed: `-h`, `--help`.
        let names: [String]
        let valueName: String
        let abstract: String
        let section: String
        let isOptional: Bool
        let isRepeating: Bool
        /// Whether it stands behind `--`.
        let isBehindTerminator: Bool
    }

    /// The words that call it: paligemma, inspect, plan.
    let words: [String]
    let abstract: String
    let discussion: String
    let options: [Option]
    let subcommands: [CommandDescription]

    /// - Throws: ``UnknownForm`` where the parser's output is of another form than this was written for.
    init(dump: JSON) throws {
        guard let command = dump["command"] else { throw UnknownForm(description: "there is no key \"command\"") }
        try self.init(command, below: [])
    }

    private init(_ json: JSON, below parents: [String]) throws {
        guard let name = json["commandName"]?.string else {
            throw UnknownForm(description: "a command below \(parents) has no name")
        }
        words = parents + [name]
        abstract = json["abstract"]?.string ?? ""
        discussion = json["discussion"]?.string ?? ""
        options = try (json["arguments"]?.array ?? []).filter(Self.isShown).map(Option.init)
        // The parser's own command `help` is in the text of every page.
        let words = words
        subcommands = try (json["subcommands"]?.array ?? [])
            .filter { Self.isShown($0) && $0["commandName"]?.string != "help" }
            .map { try CommandDescription($0, below: words) }
    }

    private static func isShown(_ json: JSON) -> Bool { json["shouldDisplay"]?.bool ?? true }
}

extension CommandDescription.Option {
    fileprivate init(_ json: JSON) throws {
        let text = json["kind"]?.string ?? ""
        guard let kind = Kind(rawValue: text) else {
            throw CommandDescription.UnknownForm(description: "an argument is of the kind \"\(text)\"")
        }
        self.kind = kind
        names = (json["names"]?.array ?? []).compactMap { entry in
            guard let name = entry["name"]?.string else { return nil }
            return (entry["kind"]?.string == "long" ? "--" : "-") + name
        }
        valueName = json["valueName"]?.string ?? "value"
        abstract = json["abstract"]?.string ?? ""
        section = json["sectionTitle"]?.string ?? ""
        isOptional = json["isOptional"]?.bool ?? true
        isRepeating = json["isRepeating"]?.bool ?? false
        isBehindTerminator = json["parsingStrategy"]?.string == "postTerminator"
        guard kind == .positional || !names.isEmpty else {
            throw CommandDescription.UnknownForm(description: "an option has no name: \(abstract)")
        }
    }
}
