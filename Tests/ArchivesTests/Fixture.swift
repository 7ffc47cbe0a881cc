import Archives
import Base
import Foundation

/// The files of `Tests/Fixtures/archives`.
enum Fixture {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/archives").path

    static func path(_ name: String) -> String { "\(folder)/\(name)" }

    static func bytes(_ name: String) throws -> [UInt8] { try FileBytes(path: path(name)).bytes }

    static func json(_ name: String) throws -> JSON { try JSON(parsing: try bytes(name)) }
}

/// Returns the error that `body` throws; nil where it throws none or another one.
func archiveError(_ body: () throws -> Void) -> ArchiveError? {
    do {
        try body()
        return nil
    } catch {
        return error as? ArchiveError
    }
}

/// Bytes as hexadecimal digits.
func hexadecimal(_ bytes: some Sequence<UInt8>) -> String {
    bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
}

/// A source that gives at most `step` bytes at a time, as a pipe may.
func source(_ bytes: [UInt8], step: Int) -> ClosureSource {
    var rest = bytes[...]
    return ClosureSource { buffer in
        let part = rest.prefix(min(step, buffer.count))
        buffer.copyBytes(from: part)
        rest = rest.dropFirst(part.count)
        return part.count
    }
}
