import Base
import Foundation
import Tables
import TestSupport
import Testing

@Suite("Parquet files are written", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct ParquetWritingTests {
    private static let columns: [ParquetWriter.Column] = [
        .init("id", .int64, isOptional: false), .init("text", .string), .init("count", .int32), .init("score", .double),
        .init("ratio", .float), .init("flag", .boolean), .init("data", .binary), .init("tags", .list(.string)),
        .init("box", .list(.int64), isOptional: false), .init("weights", .list(.float)),
    ]

    private func row(_ number: Int) -> [ParquetValue] {
        let isNull = number % 5 == 0
        let list = (0..<(number % 4)).map { ParquetValue.text("t\($0)") }
        return [
            .integer(Int64(number)), isNull ? .null : .text("text \(number)"),
            isNull ? .null : .integer(Int64(-number)),
            .double(Double(number) / 7), number % 3 == 0 ? .null : .float(Float(number)), .boolean(number % 2 == 0),
            .bytes([UInt8](repeating: UInt8(number % 251), count: number % 100)), isNull ? .null : .list(list),
            .list((0..<(number % 3)).map { .integer(Int64($0)) }), .list([.float(0.5), .float(Float(number))]),
        ]
    }

    /// Writes a file with `body` and returns its bytes.
    private func file(
        _ columns: [ParquetWriter.Column], _ compression: ParquetWriter.Compression = .zstd,
        groupSize: Int = ParquetWriter.groupSize, _ body: (ParquetWriter) throws -> Void
    ) throws -> [UInt8] {
        try withTemporaryDirectory { folder in
            let path = folder + "/t.parquet"
            let descriptor = open(path, O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
            defer { close(descriptor) }
            let writer = try ParquetWriter(
                descriptor: descriptor, name: path, columns: columns, compression: compression, groupSize: groupSize)
            try body(writer)
            try writer.finish()
            return try FileBytes(path: path).bytes
        }
    }

    @Test(
        "All kinds of values are read back, over pages and row groups",
        arguments: [ParquetWriter.Compression.none, .zstd])
    func roundTrip(compression: ParquetWriter.Compression) throws {
        let count = 50_000
        let bytes = try file(Self.columns, compression, groupSize: 2 << 20) { writer in
            for number in 0..<count { try writer.append(row(number)) }
            #expect(writer.rowCount == count)
        }
        let parquet = try ParquetFile(MemoryRanges(bytes: bytes), name: "t")
        #expect(parquet.rowCount == count)
        #expect(parquet.columns.map(\.name) == Self.columns.map(\.name))
        let rows = try parquet.rows(of: Array(Self.columns.indices))
        for number in 0..<count {
            let values = try #require(try rows.next())
            guard values == row(number) else {
                Issue.record("row \(number): \(values)")
                return
            }
        }
        #expect(try rows.next() == nil)
        #expect(try parquet.cell(column: 1, row: 49_999) == .text("text 49999"))
    }

    @Test("A value that does not fit its column is refused, and the rows around it are written")
    func badValues() throws {
        let bytes = try file([.init("n", .int32, isOptional: false), .init("t", .string)]) { writer in
            try writer.append([.integer(1), .null])
            let bad: [[ParquetValue]] = [
                [.null, .null], [.integer(1 << 40), .null], [.integer(1), .bytes([0xFF])], [.integer(1)],
                [.double(1), .null], [.integer(1), .list([])],
            ]
            for values in bad { #expect(tableError { try writer.append(values) }?.code == .malformed, "\(values)") }
            try writer.append([.integer(2), .text("b")])
        }
        let rows = try ParquetFile(MemoryRanges(bytes: bytes), name: "t").rows(of: [0, 1])
        #expect(try rows.next() == [.integer(1), .null])
        #expect(try rows.next() == [.integer(2), .text("b")])
        #expect(try rows.next() == nil)
    }

    @Test("A file without rows is whole, and a file that cannot be written is an error")
    func emptyAndFull() throws {
        let bytes = try file(Self.columns) { _ in }
        #expect(try ParquetFile(MemoryRanges(bytes: bytes), name: "t").rowCount == 0)
        let full = open("/dev/full", O_WRONLY | O_CLOEXEC)
        defer { close(full) }
        let error = tableError { _ = try ParquetWriter(descriptor: full, name: "full", columns: Self.columns) }
        #expect(error?.reason.contains("no space left") == true)
        let twice = tableError {
            _ = try ParquetWriter(descriptor: 1, name: "t", columns: [.init("a", .int32), .init("a", .int64)])
        }
        #expect(twice?.code == .malformed)
    }
}
