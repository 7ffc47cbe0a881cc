import Base

/// What the keys of a line of JSON mean where ``JobTemplate/columns`` names some: as in a table, a key whose meaning another one was
/// given, and the pictures where others are named, are the person's own.
struct RowKeys {
    private static let pictureKeys = ["images", "image", "file_name"]

    /// Our key of each column that is named.
    private var meanings: [ExactText: String] = [:]
    /// Our keys that mean nothing under their own name.
    private var taken: Set<ExactText> = []

    /// - Throws: ``RowError`` for a key that no job has.
    init(_ template: JobTemplate) throws(RowError) {
        for (key, column) in template.columns {
            if let reason = JobTemplate.reason(againstKey: key.text, ofColumn: column) { throw RowError(reason) }
            meanings[ExactText(column)] = key.text
            taken.insert(key)
            if (Self.pictureKeys + ["video"]).contains(where: { key.text.isExactly($0) }) {
                taken.formUnion(Self.pictureKeys.map(ExactText.init))
            }
        }
    }

    /// Divides what a line has into what it says with our keys and the person's own columns.
    func divided(_ members: [JSON.Member]) -> (said: [JSON.Member], own: [JSON.Member]) {
        var (said, own): ([JSON.Member], [JSON.Member]) = ([], [])
        for member in members {
            if let key = key(of: member.key) {
                said.append(JSON.Member(key: key, value: member.value))
            } else {
                own.append(member)
            }
        }
        return (said, own)
    }

    /// The columns that are named, as far as a line has them.
    func named(in members: [JSON.Member]) -> [ExactText] {
        meanings.isEmpty ? [] : members.map { ExactText($0.key) }.filter { meanings[$0] != nil }
    }

    private func key(of column: String) -> String? {
        if let key = meanings[ExactText(column)] { return key }
        return RowDescriber.knows(column) && !taken.contains(ExactText(column)) ? column : nil
    }
}

extension JobTemplate {
    /// Returns why a column cannot be named with a key; nil where it can.
    package static func reason(againstKey key: String, ofColumn column: String) -> String? {
        guard !RowDescriber.knows(key) else { return nil }
        let advice =
            RowDescriber.knows(column)
            ? "the key stands first: \(column)=\(key)" : "a column of your own needs none, it comes back by its name"
        return
            "\"\(key.onOneLine)\" is nothing that a job has; there are \(RowDescriber.keys.joined(separator: ", ")) and the "
            + "options of decoding (docs/decoding.md); \(advice)"
    }
}
