import Base
import Foundation
import Tables
import Testing

/// The files of `Tests/Fixtures/tables`.
enum Fixture {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .appendingPathComponent("Fixtures/tables").path

    static func path(_ name: String) -> String { "\(folder)/\(name)" }

    static func bytes(_ name: String) throws -> [UInt8] { try FileBytes(path: path(name)).bytes }

    static func json(_ name: String) throws -> JSON { try JSON(parsing: try bytes(name)) }

    /// The files with columns of the one table.
    static let parquetFiles = [
        "arrow-default", "arrow-v1-none", "arrow-v1-gzip", "arrow-v1-zstd", "arrow-v2-snappy", "arrow-v2-none",
        "arrow-old", "arrow-pages", "arrow-delta-1", "arrow-delta-2", "arrow-int96", "duckdb-v1", "duckdb-v2",
        "polars-zstd",
        "polars-gzip",
    ]

    /// Whether a value is the one that `make.py` wrote down: numbers by their value, all else to the letter.
    static func equal(_ value: JSON, _ expected: JSON) -> Bool {
        switch (value, expected) {
        case (.number(let text), .number(let other)):
            text == other || (!other.allSatisfy { $0.isNumber || $0 == "-" } && Double(text) == Double(other))
        case (.number(let text), .object(let members)):
            members.first == JSON.Member(key: "decimal", value: .string(text))
        case (.array(let values), .array(let others)):
            values.count == others.count && zip(values, others).allSatisfy { equal($0, $1) }
        default: value == expected
        }
    }
}

/// Bytes in memory, of which any range can be read.
struct MemoryRanges: ByteRangeSource {
    let bytes: [UInt8]

    var size: Int { bytes.count }

    func read(at offset: Int, into buffer: UnsafeMutableRawBufferPointer) throws {
        buffer.copyBytes(from: bytes[offset..<offset + buffer.count])
    }
}

/// Returns the error that `body` throws; nil where it throws none or another one.
func tableError(_ body: () throws -> Void) -> TableError? {
    do {
        try body()
        return nil
    } catch {
        return error as? TableError
    }
}
