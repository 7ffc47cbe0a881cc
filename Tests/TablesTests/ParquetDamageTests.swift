import Base
import Foundation
import Tables
import TestSupport
import Testing

@Suite("Damaged parquet files are errors", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct ParquetDamageTests {
    /// Reads everything that there is; the columns that can be read.
    private func readAll(_ bytes: [UInt8], limits: ParquetLimits = ParquetLimits(), maximumRows: Int = 1000) throws {
        let parquet = try ParquetFile(MemoryRanges(bytes: bytes), name: "t", limits: limits)
        var failure: (any Error)?
        for (index, column) in parquet.columns.enumerated() {
            do {
                let rows = try parquet.rows(of: [index])
                for _ in 0..<maximumRows {
                    guard let row = try rows.next() else { break }
                    _ = try column.json(row[0], place: "t")
                }
                for row in [3, 1, 40] where !column.isList && row < parquet.rowCount {
                    _ = try parquet.cell(column: index, row: row)
                }
            } catch {
                failure = error
            }
        }
        if let failure { throw failure }
    }

    @Test("A file that is cut at any byte, or begins or ends with something else, is refused")
    func cut() throws {
        let bytes = try Fixture.bytes("arrow-int96.parquet")
        for count in 0..<bytes.count {
            #expect(tableError { try readAll(Array(bytes[..<count])) } != nil, "\(count) bytes")
        }
        #expect(tableError { try readAll(Array("<html>Not found</html>".utf8)) }?.code == .malformed)
        #expect(tableError { try readAll([]) }?.code == .truncated)
    }

    @Test("An encrypted file is refused as such")
    func encrypted() throws {
        var bytes = try Fixture.bytes("arrow-int96.parquet")
        bytes.replaceSubrange(bytes.count - 4..<bytes.count, with: Array("PARE".utf8))
        #expect(tableError { try readAll(bytes) }?.code == .encrypted)
    }

    @Test("A page whose checksum is wrong is an error that names the column")
    func checksum() throws {
        var bytes = try Fixture.bytes("arrow-pages.parquet")
        let text = Array("https://example.org/pictures/".utf8)
        let parquet = try ParquetFile(MemoryRanges(bytes: bytes), name: "t")
        let url = try parquet.column("url")
        let place = try #require(
            (0..<bytes.count - text.count).first { bytes[$0..<$0 + text.count].elementsEqual(text) })
        bytes[place + 3] ^= 1
        let damaged = try ParquetFile(MemoryRanges(bytes: bytes), name: "t")
        let error = try #require(tableError { _ = try damaged.rows(of: [url]).next() })
        #expect(error.place == "t, column url" && error.reason.contains("checksum"))
    }

    @Test(
        "Files with changed bytes give values or typed errors, and never stop the process",
        arguments: Fixture.parquetFiles)
    func mutations(file: String) throws {
        let original = try Fixture.bytes(file + ".parquet")
        var numbers = SeededGenerator(seed: UInt64(original.count))
        var limits = ParquetLimits()
        limits.pageSize = 1 << 20
        var errors = 0
        for _ in 0..<300 {
            var bytes = original
            for _ in 0..<Int.random(in: 1...4, using: &numbers) {
                // Half of the changes are in the description at the end, where the numbers are.
                let end = Bool.random(using: &numbers)
                let place = Int.random(in: (end ? bytes.count * 3 / 4 : 0)..<bytes.count, using: &numbers)
                bytes[place] =
                    [0, 0xFF, 0x7F, 0x80, bytes[place] ^ 1, UInt8.random(in: 0...255, using: &numbers)]
                    .randomElement(using: &numbers) ?? 0
            }
            do {
                try readAll(bytes, limits: limits, maximumRows: 100)
            } catch {
                #expect(error is TableError)
                errors += 1
            }
        }
        #expect(errors > 0)
    }

    @Test("A column with more pages than places are kept of is refused where single cells are read")
    func manyPages() throws {
        var limits = ParquetLimits()
        limits.pages = 3
        let parquet = try ParquetFile(path: Fixture.path("arrow-pages.parquet"), limits: limits)
        let url = try parquet.column("url")
        #expect(try parquet.cell(column: url, row: 0) == .text("https://example.org/pictures/00000.jpg"))
        let error = try #require(tableError { _ = try parquet.cell(column: url, row: 44) })
        #expect(error.code == .tooLarge && error.reason.contains("3 pages"))
        #expect(try parquet.cell(column: url, row: 1) == .text("https://example.org/pictures/00001.jpg"))
    }

    @Test("A page that would become very large is refused before it does")
    func bombs() throws {
        // One value of 200 MiB of zeros, which zstd makes very small.
        let bytes = try withTemporaryDirectory { folder in
            let descriptor = open(folder + "/t", O_CREAT | O_RDWR | O_CLOEXEC, 0o644)
            defer { close(descriptor) }
            let writer = try ParquetWriter(descriptor: descriptor, name: "t", columns: [.init("data", .binary)])
            try writer.append([.bytes([UInt8](repeating: 0, count: 200 << 20))])
            try writer.finish()
            return try FileBytes(path: folder + "/t").bytes
        }
        #expect(bytes.count < 1 << 20)
        let error = try #require(tableError { try readAll(bytes) })
        #expect(error.code == .tooLarge && error.place == "t, column data")
        var limits = ParquetLimits()
        limits.pageSize = 1 << 20
        limits.expansion = 1 << 30
        #expect(tableError { try readAll(bytes, limits: limits) }?.reason.contains("at most 1048576") == true)
    }
}
