import Archives
import Base
import Foundation
import Tables

/// Files with contents that follow from the number of a row or member; check.py has the same rules.
struct WrittenFiles {
    let folder: String

    private static let rows = 30_000

    func write() throws {
        for (name, compression) in [("typed.parquet", ParquetWriter.Compression.zstd), ("plain.parquet", .none)] {
            try withFile(name) { descriptor in try writeParquet(descriptor, name: name, compression: compression) }
        }
        try withFile("empty.parquet") { descriptor in
            try ParquetWriter(descriptor: descriptor, name: "empty", columns: Self.columns).finish()
        }
        try withFile("members.tar", writeMembers)
        try withFile("shard.tar", writeShard)
        for (name, format) in [
            ("rows.csv", DelimitedFormat.csv), ("rows.tsv", .tsv), ("escaped.tsv", .escapedTSV),
        ] {
            try FileSystem.write(try delimited(format), to: folder + "/" + name)
        }
    }

    private func withFile(_ name: String, _ body: (Int32) throws -> Void) throws {
        let descriptor = FileSystem.open(folder + "/" + name, O_WRONLY | O_CREAT | O_TRUNC, mode: 0o666)
        guard descriptor >= 0 else { throw SystemError(errno) }
        defer { close(descriptor) }
        try body(descriptor)
    }

    private static let columns: [ParquetWriter.Column] = [
        .init("id", .int64, isOptional: false), .init("text", .string), .init("count", .int32), .init("score", .double),
        .init("ratio", .float), .init("flag", .boolean), .init("data", .binary), .init("tags", .list(.string)),
        .init("box", .list(.int64), isOptional: false), .init("weights", .list(.float)),
        .init("name", .string, isOptional: false),
    ]

    private func writeParquet(_ descriptor: Int32, name: String, compression: ParquetWriter.Compression) throws {
        let writer = try ParquetWriter(
            descriptor: descriptor, name: name, columns: Self.columns, compression: compression, groupSize: 1 << 20)
        for number in 0..<Self.rows {
            let isNull = number % 5 == 0
            try writer.append([
                .integer(Int64(number) << 30), isNull ? .null : .text("text \(number) 日本"),
                isNull ? .null : .integer(Int64(-number)), .double(Double(number) / 7),
                number % 3 == 0 ? .null : .float(Float(number) / 4),
                number % 7 == 0 ? .null : .boolean(number % 2 == 0),
                .bytes([UInt8](repeating: UInt8(number % 251), count: number % 100)),
                isNull ? .null : .list((0..<(number % 4)).map { .text("t\($0)") }),
                .list((0..<(number % 3)).map { .integer(Int64($0)) }), .list([.float(0.5), .float(Float(number))]),
                .text("\(number)"),
            ])
        }
        try writer.finish()
    }

    private func writeMembers(_ descriptor: Int32) throws {
        let names =
            [1, 100, 101, 156, 255, 256, 257, 1000].map { String(repeating: "n", count: $0) }
            + ["a/b.jpg", String(repeating: "d/", count: 120) + "e.txt", "日本/語.json"]
        let writer = TarWriter(descriptor: descriptor, name: "members.tar")
        for (index, name) in names.enumerated() {
            try writer.append(name, [UInt8](repeating: UInt8(index), count: index * 300))
        }
        try writer.finish()
    }

    private func writeShard(_ descriptor: Int32) throws {
        let writer = TarWriter(descriptor: descriptor, name: "shard.tar")
        for number in 0..<20 {
            try writer.append("\(number).jpg", [UInt8](repeating: UInt8(number), count: 1000))
            try writer.append("\(number).txt", Array("caption \(number)".utf8))
        }
        try writer.finish()
    }

    private func delimited(_ format: DelimitedFormat) throws -> [UInt8] {
        var writer = DelimitedWriter(format: format)
        let fields = ["plain", "a,b", "tab\there", "say \"hi\"", "line\nfeed", "both\r\n", "日本", "", "\\t", " x "]
        for number in 0..<100 { try writer.append([0, 3, 7].map { fields[(number * 7 + $0) % fields.count] }) }
        return writer.takeBytes()
    }
}
