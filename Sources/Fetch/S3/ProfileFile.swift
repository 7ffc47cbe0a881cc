import Base

/// The sections of `~/.aws/config` and `~/.aws/credentials`.
package struct ProfileFile: Equatable {
    private static let maximumBytes: Int64 = 1 << 20

    /// Values by section and key. A nested value (`s3 =` and indented lines) has the key `s3.NAME`.
    package private(set) var sections: [String: [String: String]] = [:]

    /// Reads the text of such a file. A later value of a key wins.
    package init(_ text: String) {
        var (section, parent) = ("", "")
        for line in text.split(whereSeparator: \.isNewline) {
            let content = Self.trimmed(line)
            guard let first = content.first, first != "#", first != ";" else { continue }
            if first == "[" {
                guard let end = content.lastIndex(of: "]") else { continue }
                let words = content[content.index(after: content.startIndex)..<end].split(separator: " ")
                // In the file of configurations a profile is `[profile NAME]`.
                section = words.count == 2 && words[0] == "profile" ? String(words[1]) : words.joined(separator: " ")
                parent = ""
                if sections[section] == nil { sections[section] = [:] }
                continue
            }
            guard let equals = content.firstIndex(of: "=") else { continue }
            let key = Self.trimmed(content[..<equals]).lowercased()
            let value = Self.withoutComment(Self.trimmed(content[content.index(after: equals)...]))
            let isNested = line.first == " " || line.first == "\t"
            if isNested, !parent.isEmpty {
                sections[section, default: [:]]["\(parent).\(key)"] = value
            } else {
                parent = value.isEmpty ? key : ""
                sections[section, default: [:]][key] = value
            }
        }
    }

    /// Reads a file; one that is not there has no sections.
    ///
    /// - Throws: ``FetchError`` with code `credentials` where the file cannot be read.
    init(path: String) throws(FetchError) {
        var bytes: [UInt8] = []
        do throws(FileError) {
            bytes = try FileBytes(path: path, maximumSize: Self.maximumBytes).bytes
        } catch {
            guard error.code == .missing else { throw FetchError(.credentials, at: path, error.reason) }
        }
        self.init(String(decoding: bytes, as: UTF8.self))
    }

    private static func trimmed(_ text: Substring) -> Substring {
        let start = text.drop { $0.isWhitespace }
        guard let last = start.lastIndex(where: { !$0.isWhitespace }) else { return "" }
        return start[...last]
    }

    /// A comment behind a value begins with a space.
    private static func withoutComment(_ value: Substring) -> String {
        let comment = [" #", " ;", "\t#", "\t;"].compactMap { value.firstRange(of: $0)?.lowerBound }.min()
        return String(trimmed(value[..<(comment ?? value.endIndex)]))
    }
}
