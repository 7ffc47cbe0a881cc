import Base
import DecodingSettings
import Queue

/// What the columns of a table mean.
///
/// A column means what ``JobTemplate/columns`` says; else one called `id`, `prompt` or `video` means that, and the pictures are
/// in the first column that is there of ``pictureNames``. All others are the person's own, so that a column which happens to be
/// called `seed` changes no answer.
struct TableColumns {
    /// The names that a column of paths or addresses may have, the most telling first.
    static let pictureNames = [
        "images", "image", "file_name", "image_path", "path", "filename", "file", "image_url", "url",
    ]
    private static let standardNames = ["id", "prompt", "video"]

    /// Our key of each column of the table; nil for the person's own.
    private(set) var keys: [String?]

    /// - Parameters:
    ///   - names: The table's columns.
    ///   - index: Returns the column that the person means by a text.
    ///   - hasPictures: Whether the rows hold the pictures themselves.
    /// - Throws: ``RowError`` where a column that is named is not there.
    init(
        names: [String], template: JobTemplate, hasPictures: Bool, index: (String) throws(RowError) -> Int
    ) throws(RowError) {
        keys = Array(repeating: nil, count: names.count)
        for (key, column) in template.columns {
            if let reason = JobTemplate.reason(againstKey: key.text, ofColumn: column) { throw RowError(reason) }
            let place = try index(column)
            template.tally.found(ExactText(column), flag: "--columns")
            // Tables may have rows of any length.
            while keys.count <= place { keys.append(nil) }
            keys[place] = key.text
        }
        for name in Self.standardNames where !keys.contains(name) {
            if let place = try Self.place(of: name, in: names), keys[place] == nil { keys[place] = name }
        }
        let isAnswered = hasPictures || keys.contains { ["images", "image", "file_name", "video"].contains($0) }
        guard !isAnswered else { return }
        for name in Self.pictureNames {
            if let place = try Self.place(of: name, in: names), keys[place] == nil {
                keys[place] = "images"
                return
            }
        }
        throw RowError(
            "no column is called \(Self.pictureNames.joined(separator: ", ")); say which has the pictures with "
                + "--columns image=NAME\(names.isEmpty ? "" : " (there are \(Self.shown(names)))")"
        )
    }

    /// Returns the index of a column; nil where there is none.
    private static func place(of name: String, in names: [String]) throws(RowError) -> Int? {
        let places = names.indices.filter { names[$0].isExactly(name) }
        guard places.count <= 1 else {
            throw RowError("\(places.count) columns are called \"\(name)\"; give them names of their own")
        }
        return places.first
    }

    private static func shown(_ names: [String]) -> String {
        names.prefix(50).map { $0.count > 100 ? $0.prefix(100) + "…" : $0 }.joined(separator: ", ")
    }

    /// Returns the value that a cell's text means for one of our keys: numbers for counts, a list for `["a", "b"]`.
    static func value(_ text: String, for key: String) -> JSON {
        if text.isEmpty { return .null }
        if ["id", "prompt", "task", "lang", "about", "video", "image", "file_name"].contains(key) {
            return .string(text)
        }
        if key == "images", text.utf8.first != UInt8(ascii: "[") { return .string(text) }
        return (try? JSON(parsing: text)) ?? .string(text)
    }
}
