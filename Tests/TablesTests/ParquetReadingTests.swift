import Base
import Tables
import TestSupport
import Testing

@Suite("Parquet files of pyarrow, DuckDB and Polars are read", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct ParquetReadingTests {
    private func expected() throws -> [JSON.Member] {
        try #require(try Fixture.json("expected.json").object)
    }

    @Test("Every value of every column is what the writer was given", arguments: Fixture.parquetFiles)
    func values(file: String) throws {
        let expected = try expected()
        let parquet = try ParquetFile(path: Fixture.path(file + ".parquet"))
        #expect(parquet.rowCount == 45)
        #expect(parquet.columns.count >= 2)
        for (index, column) in parquet.columns.enumerated() {
            let member = try #require(expected.first { $0.key == column.name }, "\(column.name)")
            let values = try #require(member.value.array)
            let rows = try parquet.rows(of: [index])
            for (row, value) in values.enumerated() {
                let read = try #require(try rows.next(), "\(column.name), row \(row)")
                let json = try column.json(read[0], place: file)
                // The timestamps of 96 bits have nanoseconds and no time zone.
                let same = column.type == .int96 ? same96(json, value) : Fixture.equal(json, value)
                #expect(same, "\(column.name), row \(row): \(json), not \(value)")
            }
            #expect(try rows.next() == nil)
        }
    }

    private func same96(_ read: JSON, _ expected: JSON) -> Bool {
        guard let read = read.string, let expected = expected.string else { return false }
        return read == expected + "000000"
    }

    @Test("A row that is begun at is the first of the stream, in every group and page", arguments: Fixture.parquetFiles)
    func startingRows(file: String) throws {
        let parquet = try ParquetFile(path: Fixture.path(file + ".parquet"))
        let columns = Array(parquet.columns.indices)
        let all = try parquet.rows(of: columns)
        var rows: [[ParquetValue]] = []
        while let row = try all.next() { rows.append(row) }
        for start in 0...parquet.rowCount {
            let rest = try parquet.rows(of: columns, from: start)
            #expect(rest.nextRow == start)
            for row in start..<min(parquet.rowCount, start + 3) {
                let values = try #require(try rest.next())
                #expect("\(values)" == "\(rows[row])", "row \(row) from \(start)")
            }
        }
    }

    @Test("A cell is read in any order as it is read in its row", arguments: Fixture.parquetFiles)
    func cells(file: String) throws {
        let parquet = try ParquetFile(path: Fixture.path(file + ".parquet"))
        var numbers = SeededGenerator(seed: 5)
        for (index, column) in parquet.columns.enumerated() where !column.isList {
            let rows = try parquet.rows(of: [index])
            var values: [ParquetValue] = []
            while let row = try rows.next() { values.append(row[0]) }
            let orders = [Array(values.indices), values.indices.reversed(), values.indices.shuffled(using: &numbers)]
            for order in orders {
                for row in order {
                    #expect("\(try parquet.cell(column: index, row: row))" == "\(values[row])", "\(column.name) \(row)")
                }
            }
        }
    }

    @Test("Columns are found by the names of people and by those of the format; a structure is not one column")
    func names() throws {
        let parquet = try ParquetFile(path: Fixture.path("arrow-default.parquet"))
        #expect(parquet.columns[try parquet.column("image.bytes")].path == ["image", "bytes"])
        #expect(parquet.columns[try parquet.column("tags")].path == ["tags", "list", "element"])
        #expect(try parquet.column("tags.list.element") == (try parquet.column("tags")))
        let structure = try #require(tableError { _ = try parquet.column("image") })
        #expect(structure.code == .missing && structure.reason.contains("image.bytes, image.path"))
        let absent = try #require(tableError { _ = try parquet.column("picture") })
        #expect(absent.code == .missing && absent.reason.contains("caption"))
    }

    @Test("A column that cannot be read is refused by its name, and only when it is asked for")
    func unsupported() throws {
        for (file, word) in [("arrow-lz4", "LZ4_RAW"), ("arrow-brotli", "brotli")] {
            let parquet = try ParquetFile(path: Fixture.path(file + ".parquet"))
            let error = try #require(tableError { _ = try parquet.rows(of: [0]).next() })
            #expect(error.code == .unsupported && error.place.hasSuffix("column id") && error.reason.contains(word))
        }
        let nested = try ParquetFile(path: Fixture.path("arrow-nested.parquet"))
        let grid = try nested.column("grid")
        let error = try #require(tableError { _ = try nested.rows(of: [grid]) })
        #expect(error.code == .unsupported && error.place.hasSuffix("column grid"))
        #expect(try nested.rows(of: [try nested.column("id")]).next() == [.integer(1)])
        #expect(nested.columns.map(\.name).contains("map.key_value.key"))
        let keys = try nested.rows(of: [try nested.column("map.key_value.key")])
        #expect(try keys.next() == [.list([.text("a")])])
        #expect(try keys.next() == [.list([.text("b"), .text("c")])])
    }

    @Test("A file without rows has columns and no row")
    func emptyFile() throws {
        let parquet = try ParquetFile(path: Fixture.path("arrow-empty.parquet"))
        #expect(parquet.columns.map(\.name) == ["id", "caption"])
        #expect(try parquet.rows(of: [0, 1]).next() == nil)
        #expect(tableError { _ = try parquet.cell(column: 0, row: 0) }?.code == .missing)
    }
}
