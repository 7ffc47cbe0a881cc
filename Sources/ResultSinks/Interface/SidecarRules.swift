import Archives
import Base
import Pictures

/// How the texts beside pictures are called and what they hold.
package struct SidecarRules: Sendable, Equatable {
    /// What becomes of a text that is there already.
    package enum Existing: String, CaseIterable, Sendable {
        /// It stays, and its picture is not asked about.
        case skip
        case overwrite
        /// The answer is put behind it, after ", ".
        case append
        /// The answer is put before it.
        case prepend

        /// Whether a text may get several answers.
        package var keepsText: Bool { self == .append || self == .prepend }
    }

    package var existing = Existing.skip
    /// What takes the place of the picture's last extension, with its period.
    package private(set) var fileExtension = ".txt"
    /// What stands before and behind each answer.
    package var prefix = ""
    package var suffix = ""

    private static let separator = Array(", ".utf8)
    private static let breaks: Set<Unicode.Scalar> = [
        "\n", "\r", "\u{0}", "\u{B}", "\u{C}", "\u{85}", "\u{2028}", "\u{2029}",
    ]

    package init() {}

    /// Sets the extension.
    ///
    /// - Parameter text: with its period or without.
    /// - Throws: ``SinkError`` where no file can have it, or where it is one of pictures, videos, shards or tables: a text would
    ///   take the place of what is asked about.
    package mutating func setExtension(_ text: String) throws(SinkError) {
        let name = text.hasPrefix(".") ? String(text.dropFirst()) : text
        guard !name.isEmpty, name != ".", !name.utf8.contains(where: { $0 == UInt8(ascii: "/") || $0 == 0 }) else {
            throw SinkError(.badPlace, at: text, "this is no extension of a file; give one like .txt or .caption")
        }
        let last = ("_." + name).pathExtension
        guard MediaFormat(extension: last) == nil, !Self.taken.contains(last) else {
            throw SinkError(
                .badPlace, at: text,
                "files of this extension are pictures, videos, shards or tables, which a text could replace; "
                    + "give one like .txt or .caption")
        }
        fileExtension = "." + name
    }

    /// The extensions of files that hold pictures or name them, beside those that ``MediaFormat`` knows.
    private static let taken: Set<String> = Set(
        (ShardEnding.all + ShardEnding.compressions).map { ("_" + $0).pathExtension }
    ).union([
        "parquet", "csv", "tsv", "tab", "jsonl", "ndjson", "svg", "psd", "ico", "exr", "hdr", "qoi", "xcf", "pam",
        "pfm",
    ])

    /// Returns the text for an answer: on one line, because trainers read the first line only; nil where nothing is left of the
    /// answer, because they stop at an empty file.
    package func text(ofAnswer answer: String) -> String? {
        let line = Self.line(answer).trimmingSpaces
        guard !line.isEmpty else { return nil }
        return Self.line(prefix) + line + Self.line(suffix)
    }

    /// Returns a text with a space in place of each break of a line.
    private static func line(_ text: String) -> String {
        var line = String.UnicodeScalarView()
        var last: Unicode.Scalar?
        for scalar in text.unicodeScalars {
            if !breaks.contains(scalar) {
                line.append(scalar)
            } else if !(scalar == "\n" && last == "\r") {
                line.append(" ")
            }
            last = scalar
        }
        return String(line)
    }

    /// Returns the bytes of a sidecar with an answer.
    ///
    /// - Parameter old: the bytes that it has; nil where there is none.
    package func contents(with text: String, old: [UInt8]?) -> [UInt8] {
        let isSpace: (UInt8) -> Bool = { $0 == 0x20 || (0x09...0x0D).contains($0) }
        let new = Array(text.utf8)
        guard let old, existing.keepsText, !old.allSatisfy(isSpace) else { return new }
        guard existing == .append else { return new + Self.separator + old }
        return old.prefix((old.lastIndex { !isSpace($0) } ?? -1) + 1) + Self.separator + new
    }
}

extension String {
    /// The text without spaces at its ends.
    fileprivate var trimmingSpaces: String {
        let bytes = utf8.drop { $0 == 0x20 || $0 == 0x09 }
        guard let end = bytes.lastIndex(where: { $0 != 0x20 && $0 != 0x09 }) else { return "" }
        return String(bytes[...end]) ?? ""
    }
}
