import Base

/// Makes paths absolute, so that a worker finds a file from any folder.
enum AbsolutePath {
    /// Returns an absolute path. `..` stays as it is, because behind a symbolic link it is another folder.
    static func path(of name: String, in folder: String) -> String {
        if name.utf8.first == UInt8(ascii: "/") { return name }
        let base =
            folder.utf8.first == UInt8(ascii: "/") ? folder : FileSystem.currentFolder + "/" + folder
        var relative = name.utf8[...]
        while relative.starts(with: "./".utf8) { relative = relative.dropFirst(2) }
        return trimmed(base) + "/" + (String(relative) ?? name)
    }

    private static func trimmed(_ folder: String) -> String {
        var folder = folder.utf8[...]
        while folder.last == UInt8(ascii: "/") || folder.suffix(2).elementsEqual("/.".utf8) {
            folder = folder.dropLast()
        }
        return String(folder) ?? ""
    }
}
