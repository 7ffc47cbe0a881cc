import Foundation

/// The part of YAML that recipes are written in: maps and lists in blocks, one scalar a line. Everything that YAML reads in a way
/// that surprises is refused: flows, anchors, scalars of several lines, tabs, doubled keys, `yes` and `no`.
indirect enum PlainYAML {
    case map([(key: String, value: PlainYAML)])
    case list([PlainYAML])
    case scalar(String, isQuoted: Bool)

    struct Refusal: Error, CustomStringConvertible {
        let line: Int
        let reason: String
        var description: String { "line \(line): \(reason)" }
    }

    /// Reads the documents of a file.
    ///
    /// - Throws: ``Refusal``.
    static func documents(_ text: String) throws -> [PlainYAML] {
        var documents: [[PlainYAMLParser.Line]] = [[]]
        for (index, line) in text.components(separatedBy: "\n").enumerated() {
            if line == "---" {
                documents.append([])
                continue
            }
            let content = line.drop { $0 == " " }
            guard !content.isEmpty, !content.hasPrefix("#") else { continue }
            documents[documents.count - 1].append(
                PlainYAMLParser.Line(
                    number: index + 1, indentation: line.count - content.count, content: String(content)))
        }
        return try documents.map { lines in
            var parser = PlainYAMLParser(lines: lines)
            return try parser.document()
        }
    }

    subscript(key: String) -> PlainYAML? {
        if case .map(let members) = self { members.first { $0.key == key }?.value } else { nil }
    }

    var members: [(key: String, value: PlainYAML)] { if case .map(let members) = self { members } else { [] } }
    var elements: [PlainYAML] { if case .list(let elements) = self { elements } else { [] } }
    var text: String? { if case .scalar(let text, _) = self { text } else { nil } }

    /// The value behind a path of keys.
    func at(_ path: String) -> PlainYAML? {
        path.split(separator: ".").reduce(self as PlainYAML?) { $0?[String($1)] }
    }

    /// The values of a key, wherever it is below this.
    func all(_ key: String) -> [PlainYAML] {
        switch self {
        case .map(let members): members.flatMap { ($0.key == key ? [$0.value] : []) + $0.value.all(key) }
        case .list(let elements): elements.flatMap { $0.all(key) }
        case .scalar: []
        }
    }
}

struct PlainYAMLParser {
    struct Line {
        let number: Int
        let indentation: Int
        let content: String
    }

    private var lines: [Line]
    private var next = 0

    init(lines: [Line]) { self.lines = lines }

    mutating func document() throws -> PlainYAML {
        guard let first = lines.first else { throw PlainYAML.Refusal(line: 0, reason: "a document is empty") }
        let value = try block(first.indentation)
        if next < lines.count { throw refusal("another indentation is expected") }
        return value
    }

    private func refusal(_ reason: String) -> PlainYAML.Refusal {
        PlainYAML.Refusal(line: lines[min(next, lines.count - 1)].number, reason: reason)
    }

    private mutating func block(_ indentation: Int) throws -> PlainYAML {
        lines[next].content.hasPrefix("- ") ? try list(indentation) : try map(indentation)
    }

    private mutating func list(_ indentation: Int) throws -> PlainYAML {
        var elements: [PlainYAML] = []
        while next < lines.count, lines[next].indentation == indentation, lines[next].content.hasPrefix("- ") {
            let line = lines[next]
            let rest = String(line.content.dropFirst(2))
            if Self.member(rest) != nil {
                // The first key of a map stands behind the dash.
                lines[next] = Line(number: line.number, indentation: indentation + 2, content: rest)
                elements.append(try map(indentation + 2))
            } else {
                elements.append(try scalar(rest))
                next += 1
            }
        }
        return .list(elements)
    }

    private mutating func map(_ indentation: Int) throws -> PlainYAML {
        var members: [(key: String, value: PlainYAML)] = []
        while next < lines.count, lines[next].indentation == indentation {
            guard let (key, rest) = Self.member(lines[next].content) else {
                throw refusal("\"key: value\" is expected")
            }
            guard !members.contains(where: { $0.key == key }) else { throw refusal("\(key) is there twice") }
            if rest.isEmpty {
                next += 1
                guard next < lines.count, lines[next].indentation > indentation else {
                    throw refusal("\(key) has no value")
                }
                members.append((key, try block(lines[next].indentation)))
            } else {
                members.append((key, try scalar(rest)))
                next += 1
            }
        }
        guard !members.isEmpty else { throw refusal("another indentation is expected") }
        return .map(members)
    }

    private static func member(_ content: String) -> (key: String, rest: String)? {
        guard let match = content.wholeMatch(of: /([A-Za-z$][A-Za-z0-9_.\/-]*):(?: (.*))?/) else { return nil }
        return (String(match.1), match.2.map { $0.trimmingCharacters(in: .whitespaces) } ?? "")
    }

    private func scalar(_ text: String) throws -> PlainYAML {
        if text.hasPrefix("\"") {
            guard text.count > 1, text.hasSuffix("\""),
                !text.dropFirst().dropLast().contains(where: { "\"\\".contains($0) })
            else { throw refusal("a quoted text ends on its line and has no escapes") }
            return .scalar(String(text.dropFirst().dropLast()), isQuoted: true)
        }
        let isPlain = text.first.map { !"[]{}&*!|>'%@`#,?".contains($0) } ?? false
        guard isPlain, !text.contains(": "), !text.contains(" #"), !text.hasSuffix(":"), !text.contains("\t") else {
            throw refusal("\(text) has to be quoted")
        }
        let surprising = ["yes", "no", "on", "off", "null", "~", "y", "n"]
        guard !surprising.contains(text.lowercased()), Double(text) == nil || Int(text) != nil else {
            throw refusal("\(text) is no text for every reader; quote it")
        }
        return .scalar(text, isQuoted: false)
    }
}
