import Foundation

/// The Swift sources of this package, as the tests of the architecture read them.
struct SourceTree {
    /// One Swift file.
    struct File {
        /// Its path below the package's directory.
        let path: String
        /// The folder directly below the target's that holds it; the target's own name for files directly in the target.
        let folder: String
        /// Its text without comments and strings. The lines are those of the file.
        let code: String
    }

    /// One target of Swift below `Sources`.
    struct Target {
        let name: String
        let files: [File]
    }

    let root: URL
    let targets: [Target]

    /// Reads the tree that this test was compiled in, once for all tests.
    ///
    /// - Throws: an error of the file system.
    static func read() throws -> SourceTree { try once.get() }

    private static let once = Result { try SourceTree() }

    private init() throws {
        root = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        let sources = root.appendingPathComponent("Sources")
        let manager = FileManager.default
        var targets: [Target] = []
        for name in try manager.contentsOfDirectory(atPath: sources.path).sorted() {
            let folder = sources.appendingPathComponent(name).path
            let paths = (manager.enumerator(atPath: folder)?.compactMap { $0 as? String } ?? []).sorted()
            let files = try paths.filter { $0.hasSuffix(".swift") }.map { path in
                let parts = path.split(separator: "/")
                let text = try String(contentsOfFile: folder + "/" + path, encoding: .utf8)
                return File(
                    path: "Sources/\(name)/\(path)", folder: parts.count > 1 ? String(parts[0]) : name,
                    code: SwiftCode.stripped(text))
            }
            if !files.isEmpty { targets.append(Target(name: name, files: files)) }
        }
        self.targets = targets
    }

    /// Reads a file of the package as text.
    ///
    /// - Throws: an error of the file system.
    func text(of path: String) throws -> String {
        try String(contentsOf: root.appendingPathComponent(path), encoding: .utf8)
    }
}
