import Foundation

/// A folder that is gone when the test is over.
package final class TemporaryFolder: Sendable {
    package let path: String

    /// - Throws: where it cannot be made.
    package init() throws {
        path = NSTemporaryDirectory() + "paligemma-test-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    package func file(_ name: String) -> String { path + "/" + name }

    /// Writes a file and the folders that lead to it.
    ///
    /// - Throws: where that fails.
    @discardableResult
    package func write(_ text: String, to name: String) throws -> String {
        let url = URL(fileURLWithPath: file(name))
        try FileManager.default.createDirectory(at: url.deletingLastPathComponent(), withIntermediateDirectories: true)
        try Data(text.utf8).write(to: url)
        return url.path
    }
}
