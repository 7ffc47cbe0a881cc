import Base
import Tables
import TestSupport
import Testing

@Suite("CSV and TSV are read and written", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct DelimitedTests {
    /// A source that gives few bytes at a time.
    private func source(_ text: String, step: Int) -> ClosureSource {
        var rest = Array(text.utf8)[...]
        return ClosureSource { buffer in
            let part = rest.prefix(min(step, buffer.count))
            buffer.copyBytes(from: part)
            rest = rest.dropFirst(part.count)
            return part.count
        }
    }

    /// All rows, with an error in the place of a row with a fault.
    private func rows(
        _ text: String, _ format: DelimitedFormat = .csv, header: Bool = false, step: Int = 1 << 16,
        limits: DelimitedLimits = DelimitedLimits()
    ) throws -> [Result<[String], TableError>] {
        let reader = try DelimitedReader(
            source(text, step: step), name: "t.csv", format: format, hasHeader: header, limits: limits)
        var rows: [Result<[String], TableError>] = []
        while true {
            do {
                guard let row = try reader.next() else { return rows }
                rows.append(.success(try (0..<row.count).map { try row.text($0) }))
            } catch let error as TableError {
                rows.append(.failure(error))
            }
        }
    }

    @Test(
        "Each text has these rows, however few bytes come at a time",
        arguments: [
            ("", []), ("a", [["a"]]), ("a,b\r\nc,d\r\n", [["a", "b"], ["c", "d"]]),
            ("a,b\nc,d", [["a", "b"], ["c", "d"]]),
            ("a\rb\r", [["a"], ["b"]]), ("a,\n,b\n", [["a", ""], ["", "b"]]), ("\n\na\n\n\nb\n\n", [["a"], ["b"]]),
            ("\u{FEFF}a,b\n", [["a", "b"]]), ("\"\"\n", [[""]]), ("\"\",\"\"\n", [["", ""]]),
            ("\"a,b\",c", [["a,b", "c"]]),
            ("\"a \"\"b\"\"\"\n", [["a \"b\""]]), ("\"a\nb\r\nc\rd\"\n", [["a\nb\r\nc\rd"]]),
            ("5\" pipe,a\"\"b\n", [["5\" pipe", "a\"\"b"]]),
            (" \"a\" ,b\n", [[" \"a\" ", "b"]]), ("\"a\"\r\n\r\n\"b\"", [["a"], ["b"]]),
            ("日,本\n", [["日", "本"]]),
        ] as [(String, [[String]])])
    func reading(text: String, expected: [[String]]) throws {
        for step in [1, 2, 3, 1000] {
            #expect(try rows(text, step: step) == expected.map { .success($0) }, "\(step) bytes")
        }
    }

    @Test("Files of Python's csv module are read as it reads them", arguments: ["excel.csv", "unix.csv", "excel.tsv"])
    func fixtures(file: String) throws {
        let expected = try #require(try Fixture.json("rows.json").array).map { $0.array?.compactMap(\.string) ?? [] }
        let format: DelimitedFormat = file.hasSuffix("tsv") ? .tsv : .csv
        let reader = try DelimitedReader(
            try FileSource(path: Fixture.path(file)), name: file, format: format, hasHeader: true)
        #expect(reader.header == expected[0])
        #expect(try reader.column("prompt") == 2)
        for (number, fields) in expected.dropFirst().enumerated() {
            let row = try #require(try reader.next())
            #expect(row.number == number + 1)
            #expect(try (0..<row.count).map { try row.text($0) } == fields)
        }
        #expect(try reader.next() == nil)
    }

    @Test("A row with a fault is an error with its number and line, and the rows behind it are read")
    func faults() throws {
        let text = "a,b\n1,2\n\"x\ny\" z,4\n5\n6,\"7\r\n7\"\n8,9,10\n11,12\n"
        for step in [1, 7, 1000] {
            let rows = try rows(text, header: true, step: step)
            #expect(rows.count == 6)
            #expect(rows[0] == .success(["1", "2"]))
            guard case .failure(let quote) = rows[1], case .failure(let short) = rows[2],
                case .failure(let long) = rows[4]
            else {
                Issue.record("no errors: \(rows)")
                continue
            }
            #expect(quote.code == .malformed && quote.place == "t.csv, row 2 (line 3)")
            #expect(short.place == "t.csv, row 3 (line 5)" && short.reason.contains("has 1 field, but"))
            #expect(rows[3] == .success(["6", "7\r\n7"]))
            #expect(long.place == "t.csv, row 5 (line 8)")
            #expect(rows[5] == .success(["11", "12"]))
        }
    }

    @Test("A field in quotation marks that never end is an error, at once where it passes the limit")
    func unclosed() throws {
        guard case .failure(let cut) = try #require(try rows("a\n\"b\nc\n").last) else {
            Issue.record("no error")
            return
        }
        #expect(cut.code == .truncated && cut.reason.contains("line 2"))
        var limits = DelimitedLimits()
        limits.fieldSize = 1000
        limits.rowSize = 1500
        let long = String(repeating: "x", count: 900)
        let rows = try rows("a,\"\(long)\(long)\",b\nc\n\(long),\(long)\n\(long),d\n", step: 100, limits: limits)
        #expect(rows.map { (try? $0.get())?.count } == [nil, 1, nil, 2])
        guard case .failure(let field) = rows[0], case .failure(let row) = rows[2] else { return }
        #expect(field.code == .tooLarge && field.reason.contains("1000") && field.reason.contains("quotation"))
        #expect(row.code == .tooLarge && row.reason.contains("1500"))
    }

    @Test("More fields than the limit are an error of the row")
    func manyFields() throws {
        var limits = DelimitedLimits()
        limits.fields = 10
        let rows = try rows(String(repeating: ",", count: 100_000) + "\na\n", limits: limits)
        #expect(rows.map { (try? $0.get())?.count } == [nil, 1])
    }

    @Test("A field that is not UTF-8 is an error where it is used as text")
    func notUTF8() throws {
        let bytes = Array("a,".utf8) + [0xFF, 0x0A]
        let reader = try DelimitedReader(MemorySource(bytes), name: "t.csv", format: .csv, hasHeader: false)
        let row = try #require(try reader.next())
        #expect(try row.text(0) == "a")
        #expect(row[1] == [0xFF])
        #expect(tableError { _ = try row.text(1) }?.code == .notUTF8)
        #expect(tableError { _ = try row.text(2) }?.code == .missing)
    }

    @Test("Columns are found by name, and by number where there is no header")
    func columns() throws {
        let named = try DelimitedReader(source("a,b,b\n", step: 9), name: "t", format: .csv, hasHeader: true)
        #expect(try named.column("a") == 0)
        #expect(tableError { _ = try named.column("b") }?.reason == "2 columns are called \"b\"")
        #expect(tableError { _ = try named.column("c") }?.reason.hasSuffix("there are a, b, b") == true)
        let numbered = try DelimitedReader(source("a,b\n", step: 9), name: "t", format: .csv, hasHeader: false)
        #expect(try numbered.column("2") == 1)
        #expect(tableError { _ = try numbered.column("0") }?.code == .missing)
        #expect(tableError { _ = try numbered.column("a") }?.code == .missing)
        #expect(
            tableError { _ = try DelimitedReader(MemorySource([]), name: "t", format: .csv, hasHeader: true) }?.code
                == .truncated)
    }

    @Test("What is written is read back, one line a row in escaped TSV")
    func writing() throws {
        let table = [
            ["a", "", "b,c", "d\te"], ["\"", "\\", "\\t", "x\r\ny"], ["", "", "", ""], ["日本", "\n", "\r", " "],
        ]
        for format in [DelimitedFormat.csv, .tsv, .escapedTSV] {
            var writer = DelimitedWriter(format: format)
            for row in table { try writer.append(row) }
            let text = String(decoding: writer.takeBytes(), as: UTF8.self)
            #expect(try rows(text, format) == table.map { .success($0) })
            if format == .escapedTSV { #expect(text.utf8.count { $0 == 0x0A } == table.count) }
        }
        var csv = DelimitedWriter(format: .csv)
        try csv.append(["a", "b\"c"])
        try csv.append([""])
        #expect(csv.bytes == Array("a,\"b\"\"c\"\r\n\"\"\r\n".utf8))
        var plain = DelimitedWriter(format: DelimitedFormat(delimiter: 0x09, quoting: .none))
        #expect(tableError { try plain.append(["a", "b\tc"]) }?.code == .malformed)
        #expect(plain.bytes.isEmpty)
    }

    @Test("A file that is compressed with gzip is read")
    func compressed() throws {
        // "a,b\nc,d\n", compressed.
        let bytes: [UInt8] = [
            0x1F, 0x8B, 8, 0, 0, 0, 0, 0, 0, 3, 0x4B, 0xD4, 0x49, 0xE2, 0x4A, 0xD6, 0x49, 0xE1, 2, 0,
            0x80, 0x3A, 0x72, 0x87, 8, 0, 0, 0,
        ]
        let reader = try DelimitedReader(MemorySource(bytes), name: "t", format: .csv, hasHeader: false)
        #expect(try reader.next()?.text(1) == "b")
        #expect(try reader.next()?.text(0) == "c")
        #expect(try reader.next() == nil)
    }

    @Test("A backslash before another character is an error of its row")
    func badEscapes() throws {
        let rows = try rows("a\\x\tb\nc\\\nd\\t\te\n", .escapedTSV)
        #expect(rows.map { try? $0.get() } == [nil, nil, ["d\t", "e"]])
    }
}
