import Base

/// What was found in folders and not taken.
struct PassedOver {
    private var extensions: [String: Int] = [:]
    var hidden = 0
    var unreadableFolders = 0
    /// More are not named.
    private static let maximumNames = 8

    mutating func count(_ path: String) {
        let text = path.pathExtension
        extensions[text.isEmpty ? "without an extension" : "." + text, default: 0] += 1
    }

    /// "12 files passed over (.txt 6, .zip 4, 2 hidden; 1 folder not readable)"
    ///
    /// - Parameter looksInside: Whether files were taken by their content.
    func sentence(looksInside: Bool) -> String? {
        let files = extensions.values.reduce(0, +) + hidden
        guard files + unreadableFolders > 0 else { return nil }
        let counted = extensions.sorted { ($1.value, $0.key) < ($0.value, $1.key) }
        var parts = counted.prefix(Self.maximumNames).map { "\($0.key) \($0.value)" }
        if counted.count > Self.maximumNames { parts.append("…") }
        if hidden > 0 { parts.append("hidden \(hidden)") }
        var groups = parts.isEmpty ? [] : [parts.joined(separator: ", ")]
        if unreadableFolders > 0 {
            groups.append("\(unreadableFolders.counted("folder")) not readable")
        }
        return "\(files.counted("file")) passed over (\(groups.joined(separator: "; ")))"
            + (extensions.isEmpty || looksInside ? "" : "; --all-files looks into every file")
    }
}
