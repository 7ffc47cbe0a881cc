/// A page of section 1 in the language of man(7).
struct ManualPage {
    struct Heading {
        let date: String
        let version: String
    }

    let name: String
    let text: String

    /// Returns the page of a command and those of the commands below it.
    static func all(of command: CommandDescription, heading: Heading) -> [ManualPage] {
        [ManualPage(command, heading)] + command.subcommands.flatMap { all(of: $0, heading: heading) }
    }

    private init(_ command: CommandDescription, _ heading: Heading) {
        name = Self.name(of: command.words)
        let title = name.uppercased()
        var lines = [
            ".TH \(Roff.quoted(title)) 1 \(Roff.quoted(heading.date)) \(Roff.quoted("paligemma " + heading.version))",
            ".SH NAME", Roff.text(name) + " \\- " + Roff.text(Self.phrase(command.abstract)),
            ".SH SYNOPSIS", Self.synopsis(command),
        ]
        if !command.discussion.isEmpty { lines += [".SH DESCRIPTION"] + Roff.paragraphs(command.discussion) }
        lines += Self.commands(command) + Self.options(command)
        let variables = "Every option has an environment variable, which stands in brackets; the option goes before it."
        if command.options.contains(where: { $0.abstract.contains("[PALIGEMMA_") }) {
            lines += [".SH ENVIRONMENT", Roff.text(variables)]
        }
        lines += [".SH SEE ALSO", Self.others(command)]
        text = lines.joined(separator: "\n") + "\n"
    }

    private static func name(of words: [String]) -> String { words.joined(separator: "-") }

    /// An abstract without its full stop, as whatis(1) lists it.
    private static func phrase(_ abstract: String) -> String {
        abstract.hasSuffix(".") ? String(abstract.dropLast()) : abstract
    }

    private static func synopsis(_ command: CommandDescription) -> String {
        var words = [Roff.bold(command.words.joined(separator: " "))]
        if !command.subcommands.isEmpty { words.append(Roff.italic("command")) }
        if command.options.contains(where: { $0.kind != .positional }) {
            words.append("[" + Roff.italic("options") + "]")
        }
        for option in command.options where option.kind == .positional {
            if option.isBehindTerminator { words.append(Roff.bold("--")) }
            words.append(placeholder(option))
        }
        return words.joined(separator: " ")
    }

    private static func placeholder(_ option: CommandDescription.Option) -> String {
        let value = Roff.italic(option.valueName) + (option.isRepeating ? " ..." : "")
        return option.isOptional && !option.isBehindTerminator ? "[\(value)]" : value
    }

    private static func commands(_ command: CommandDescription) -> [String] {
        guard !command.subcommands.isEmpty else { return [] }
        return [".SH COMMANDS"]
            + command.subcommands.flatMap { subcommand in
                [".TP", Roff.bold(name(of: subcommand.words)) + "(1)", Roff.text(subcommand.abstract)]
            }
    }

    private static func options(_ command: CommandDescription) -> [String] {
        var sections: [String] = []
        for option in command.options where !sections.contains(option.section) { sections.append(option.section) }
        // What belongs to no section comes first.
        sections.sort { ($0.isEmpty ? 0 : 1) < ($1.isEmpty ? 0 : 1) }
        return sections.flatMap { section -> [String] in
            let entries = command.options.filter { $0.section == section }.flatMap(entry)
            let title = section.isEmpty ? ".SH OPTIONS" : ".SH \(Roff.quoted(section.uppercased()))"
            return [title] + entries
        }
    }

    private static func entry(_ option: CommandDescription.Option) -> [String] {
        let names = option.names.map { name in
            option.kind == .option ? Roff.bold(name) + " " + Roff.italic(option.valueName) : Roff.bold(name)
        }
        let tag = option.kind == .positional ? placeholder(option) : names.joined(separator: ", ")
        return [".TP", tag, Roff.text(option.abstract)]
    }

    private static func others(_ command: CommandDescription) -> String {
        var names = ["paligemma", "pg-worker"]
        for count in command.words.indices.dropFirst() { names.append(name(of: Array(command.words.prefix(count)))) }
        let own = name(of: command.words)
        var seen: Set<String> = [own]
        return names.filter { seen.insert($0).inserted }.map { Roff.bold($0) + "(1)" }.joined(separator: ", ")
    }
}

/// The language of man(7).
enum Roff {
    /// Text in which nothing is a command.
    static func text(_ text: String) -> String {
        var escaped = ""
        for character in text {
            switch character {
            case "\\": escaped += "\\e"
            // A hyphen would become another character than the one that is typed.
            case "-": escaped += "\\-"
            case "\n": escaped += " "
            default: escaped.append(character)
            }
        }
        // A line that begins with one of these is a request.
        return escaped.hasPrefix(".") || escaped.hasPrefix("'") ? "\\&" + escaped : escaped
    }

    static func bold(_ text: String) -> String { "\\fB\(self.text(text))\\fR" }
    static func italic(_ text: String) -> String { "\\fI\(self.text(text))\\fR" }

    /// An argument of a request.
    static func quoted(_ text: String) -> String {
        "\"" + self.text(text).split(separator: "\"", omittingEmptySubsequences: false).joined(separator: "\\(dq")
            + "\""
    }

    /// Paragraphs with empty lines between them; lines that are indented stay as they are.
    static func paragraphs(_ text: String) -> [String] {
        var lines: [String] = []
        var isExample = false
        for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
            let begins = line.hasPrefix("  ")
            if begins != isExample, begins || !line.isEmpty {
                lines += begins ? [".RS 4", ".nf"] : [".fi", ".RE"]
                isExample = begins
            }
            if line.isEmpty {
                lines.append(".PP")
            } else {
                lines.append(self.text(String(begins ? line.dropFirst(2) : line)))
            }
        }
        if isExample { lines += [".fi", ".RE"] }
        return lines
    }
}
