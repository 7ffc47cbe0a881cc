import Base
import Foundation
import Queue
import ResultSinks
import Tables
import TestSupport
import Testing

@Suite("Results as tables", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct TableTests {
    let bench: SinkBench
    private let own = [
        "id", "images", "prompt", "text", "finish_reason", "model", "seconds", "error_code", "error_message", "details",
    ]

    init() throws { bench = try SinkBench() }

    /// Fills the queue with what is hard to write: breaks, quotation marks, separators, composed and decomposed letters.
    private func fill() throws {
        try bench.submit(
            "a,\"1\"\n", [bench.picture("x.jpg")], prompt: "what\tis it?",
            carried:
                #"{"text":"mine","n":7,"rate":1,"é":"composed","e\#u{301}":"decomposed","tags":["a",1],"none":null}"#)
        try bench.submit(
            "b", [bench.picture("y.jpg"), bench.picture("[z].jpg")],
            carried: #"{"n":-9223372036854775808,"rate":0.5,"ok":true}"#)
        try bench.submit("c", [bench.picture("[w].jpg")], carried: #"{"columns.text":"taken"}"#)
        try bench.answer(["one,\r\ntwo \"three\" \\n\t", nil, ""], details: #"{"score":-0.5}"#)
    }

    private func rows(_ name: String, _ format: DelimitedFormat) throws -> (header: [String], rows: [[String]]) {
        let reader = try DelimitedReader(
            FileSource(path: bench.path(name)), name: name, format: format, hasHeader: true)
        var rows: [[String]] = []
        while let row = try reader.next() { rows.append(try (0..<row.count).map { try row.text($0) }) }
        return (try #require(reader.header), rows)
    }

    @Test("CSV and TSV give back every field, the person's own columns included", arguments: [ResultFormat.csv, .tsv])
    func delimited(format: ResultFormat) throws {
        try fill()
        try bench.finish(format, to: "out")
        let (header, rows) = try rows("out", format == .csv ? .csv : .escapedTSV)
        let carried = ["columns.text", "n", "rate", "é", "e\u{301}", "tags", "none", "ok", "columns.columns.text"]
        #expect(header.map(ExactText.init) == (own + carried).map(ExactText.init))
        #expect(rows.count == 3)
        #expect(
            rows[0] == [
                "a,\"1\"\n", "x.jpg", "what\tis it?", "one,\r\ntwo \"three\" \\n\t", "stop", "miniature", "1.5", "", "",
                #"{"score":-0.5}"#, "mine", "7", "1", "composed", "decomposed", #"["a",1]"#, "", "", "",
            ])
        #expect(
            rows[1] == [
                "b", #"["y.jpg","[z].jpg"]"#, "caption en", "", "", "miniature", "0.25", "missing",
                "no \"file\",\nthere",
                "", "", "-9223372036854775808", "0.5", "", "", "", "", "true", "",
            ])
        #expect(rows[2][1] == #"["[w].jpg"]"#, "a name that looks like an array is one")
        #expect(rows[2].last == "taken")
    }

    @Test("Parquet gives back every value with the type of its column")
    func parquet() throws {
        try fill()
        try bench.finish(.parquet, to: "out.parquet")
        let file = try ParquetFile(path: bench.path("out.parquet"))
        #expect(file.rowCount == 3)
        func column(_ name: String) throws -> [ParquetValue] {
            try (0..<3).map { try file.cell(column: file.column(name), row: $0) }
        }
        #expect(try column("id") == ["a,\"1\"\n", "b", "c"].map(ParquetValue.text))
        #expect(try column("text") == [.text("one,\r\ntwo \"three\" \\n\t"), .null, .text("")])
        #expect(try column("error_code") == [.null, .text("missing"), .null])
        #expect(try column("seconds") == [.double(1.5), .double(0.25), .double(1.5)])
        #expect(try column("n") == [.integer(7), .integer(.min), .null])
        #expect(try column("rate") == [.double(1), .double(0.5), .null])
        #expect(try column("ok") == [.null, .boolean(true), .null])
        #expect(try column("columns.text") == [.text("mine"), .null, .null])
        #expect(try column("tags") == [.text(#"["a",1]"#), .null, .null])
        let rows = try file.rows(of: [file.column("images"), file.column("tokens"), file.column("logprobs")])
        #expect(
            try rows.next() == [
                .list([.text("x.jpg")]), .list([.integer(7), .integer(257_151)]), .list([.float(-0.5), .float(-12.5)]),
            ])
        #expect(try rows.next() == [.list([.text("y.jpg"), .text("[z].jpg")]), .null, .null])
    }

    @Test("Numbers that JSON does not have stay numbers in a column of doubles, and texts in a column of texts")
    func notFinite() throws {
        let rows = [
            #"{"rate":"nan","name":"nan","all":"inf","count":1}"#,
            #"{"rate":0.5,"name":"x","all":"inf","count":"nan"}"#,
            #"{"rate":"-inf","name":"inf","all":"nan","count":2}"#, #"{"rate":2,"name":null,"all":null,"count":3}"#,
        ]
        for (index, row) in rows.enumerated() {
            try bench.submit("\(index)", [bench.picture("\(index).jpg")], carried: row)
        }
        try bench.answer(["a", "b", "c", "d"])
        try bench.finish(.parquet, to: "out.parquet")
        let file = try ParquetFile(path: bench.path("out.parquet"))
        func column(_ name: String) throws -> [ParquetValue] {
            try (0..<4).map { try file.cell(column: file.column(name), row: $0) }
        }
        let rates = try column("rate")
        #expect(rates[1...] == [.double(0.5), .double(-.infinity), .double(2)])
        guard case .double(let first) = rates[0] else { return #expect(Bool(false), "\(rates[0]) is no double") }
        #expect(first.isNaN)
        #expect(try column("name") == [.text("nan"), .text("x"), .text("inf"), .null])
        #expect(try column("all") == [.text("inf"), .text("inf"), .text("nan"), .null], "no number tells what it is")
        #expect(try column("count") == [.text("1"), .text("nan"), .text("2"), .text("3")], "whole numbers stay exact")
    }

    @Test("A queue without results gives a table without rows, which can be read")
    func empty() throws {
        try bench.finish(.csv, to: "out.csv")
        #expect(try rows("out.csv", .csv).header == own)
        try bench.finish(.parquet, to: "out.parquet")
        #expect(try ParquetFile(path: bench.path("out.parquet")).rowCount == 0)
    }

    @Test("Rows are appended as they come, and a column that comes later is in the header")
    func growing() throws {
        let sink = try bench.sink(.csv, to: "out.csv")
        try bench.submit("a", [bench.picture("a.jpg")], carried: #"{"k":"1"}"#)
        try bench.submit("b", [bench.picture("b.jpg")], carried: #"{"k":"2"}"#)
        try bench.submit("c", [bench.picture("c.jpg")], carried: #"{"later":"3"}"#)
        try bench.answer(["A"])
        try sink.update(from: bench.queue)
        let identity = FileIdentity(path: bench.path("out.csv"))
        try bench.answer(["B"])
        try sink.update(from: bench.queue)
        #expect(FileIdentity(path: bench.path("out.csv")) == identity, "the file was appended to")
        #expect(try rows("out.csv", .csv).rows.map(\.[0]) == ["a", "b"])
        try bench.answer(["C"])
        _ = try sink.finish(from: bench.queue)
        let (header, rows) = try rows("out.csv", .csv)
        #expect(header == own + ["k", "later"])
        #expect(
            rows.map { [$0[0], $0[3], $0[10], $0[11]] } == [
                ["a", "A", "1", ""], ["b", "B", "2", ""], ["c", "C", "", "3"],
            ])
    }

    @Test(
        "A file that was removed or cut while it grew is whole again", arguments: [ResultFormat.jsonl, .csv, .openai])
    func removed(format: ResultFormat) throws {
        try bench.submit("a", [bench.picture("a.jpg")])
        try bench.submit("b", [bench.picture("b.jpg")])
        let sink = try bench.sink(format, to: "out")
        try bench.answer(["A"])
        try sink.update(from: bench.queue)
        FileSystem.remove(bench.path("out"))
        try bench.answer(["B"])
        _ = try sink.finish(from: bench.queue)
        let whole = try #require(bench.read("out"))
        #expect(whole.contains("A") && whole.contains("B"))
        try bench.write(String(whole.dropLast(5)), to: "out")
        try bench.finish(format, to: "out")
        #expect(bench.read("out") == whole)
    }

    @Test("A line of OpenAI's batches has the job's id, and its answer or its error")
    func openAI() throws {
        try bench.submit("q-1", [bench.picture("a.jpg")])
        try bench.submit("q-2", [bench.picture("b.jpg")])
        try bench.answer(["a \"cat\"", nil])
        try bench.finish(.openai, to: "out.jsonl")
        let lines = try #require(bench.read("out.jsonl")).split(separator: "\n").map { try JSON(parsing: String($0)) }
        #expect(lines.map { $0["custom_id"]?.string } == ["q-1", "q-2"])
        #expect(lines.map { $0["response"]?["status_code"]?.integer } == [200, 400])
        let choice = lines[0]["response"]?["body"]?["choices"]?.array?.first
        #expect(choice?["message"]?["content"]?.string == "a \"cat\"")
        #expect(lines[1]["error"]?["code"]?.string == "missing")
    }

    @Test("More columns than a table can have are refused by name")
    func tooMany() throws {
        let members = (0...512).map { "\"c\($0)\":1" }.joined(separator: ",")
        try bench.submit("a", [bench.picture("a.jpg")], carried: "{\(members)}")
        try bench.answer(["A"])
        let error = #expect(throws: SinkError.self) { try bench.finish(.csv, to: "out.csv") }
        #expect(error?.code == .tooManyColumns)
        #expect(!FileSystem.exists(bench.path("out.csv")))
    }
}
