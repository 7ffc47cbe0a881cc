import Base
import Glibc

/// Patterns of paths, such as `a/*.jpg`.
enum PathPattern {
    /// Returns the files of a pattern, in order; nil where the text is no pattern, or where nothing matches it.
    static func files(of text: String) -> [String]? {
        guard text.utf8.contains(where: { "*?[".utf8.contains($0) }), !FileSystem.exists(text) else { return nil }
        var matches = glob_t()
        defer { globfree(&matches) }
        guard withSystemPath(text, { glob($0, GLOB_ERR, nil, &matches) }) == 0 else { return nil }
        return (0..<Int(matches.gl_pathc)).compactMap { matches.gl_pathv[$0].map { SystemText.text($0) } }
    }
}
