import Archives
import Base
import Foundation
import TestSupport
import Testing

@Suite("Samples of shards are those of webdataset", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct SampleTests {
    @Test("Key and field of a name are those that webdataset takes")
    func names() throws {
        for values in try #require(try Fixture.json("names.json").array) {
            let values = try #require(values.array)
            let name = try #require(values[0].string)
            let split = SampleName(name)
            #expect(split?.key == values[1].string, "\(name)")
            #expect(split?.field == values[2].string, "\(name)")
        }
    }

    private static let shards = ["shard-runs.tar", "shard-fields.tar", "shard-metadata.tar", "shard-writer.tar"]

    @Test("Samples have the keys, fields and contents that webdataset reads", arguments: shards)
    func samples(shard: String) throws {
        let expected = try #require(try Fixture.json("samples.json")[shard]?.array)
        for isFile in [true, false] {
            let bytes: any ByteSource =
                isFile ? try FileSource(path: Fixture.path(shard)) : source(try Fixture.bytes(shard), step: 333)
            let reader = try SampleReader(bytes, name: shard) { _ in .read }
            for values in expected {
                let sample = try #require(try reader.next())
                #expect(sample.key == values["key"]?.string)
                let fields = try #require(values["fields"]?.object)
                #expect(sample.fields.map(\.name) == fields.map(\.key))
                for field in fields {
                    #expect(sample[field.key]?.bytes.map { hexadecimal($0) } == field.value.string, "\(field.key)")
                }
            }
            #expect(try reader.next() == nil)
        }
    }

    @Test("A located field has its place in the file, and its content where the shard has no places")
    func places() throws {
        let bytes = try Fixture.bytes("shard-fields.tar")
        let use: (String) -> SampleReader.Use = { $0.hasSuffix("jpg") ? .locate : .drop }
        let located = try SampleReader(try FileSource(path: Fixture.path("shard-fields.tar")), name: "s", use: use)
        let streamed = try SampleReader(source(bytes, step: 100), name: "s", use: use)
        var fields = 0
        while let sample = try located.next() {
            let other = try #require(try streamed.next())
            #expect(sample.key == other.key && sample.fields.count == other.fields.count)
            for (field, streamed) in zip(sample.fields, other.fields) {
                let offset = try #require(field.offset)
                #expect(field.bytes == nil && streamed.offset == nil)
                #expect(Array(bytes[offset..<offset + field.size]) == streamed.bytes)
                #expect(field.name.hasSuffix("jpg"))
                fields += 1
            }
        }
        #expect(fields == 3)
        #expect(located.skipped.count == 2 && located.skipped.first == ".x.jpg")
    }

    @Test("A field that stands twice, in whatever case, is an error; the samples around it are read")
    func doubled() throws {
        let reader = try SampleReader(try FileSource(path: Fixture.path("doubled.tar")), name: "s") { _ in .read }
        #expect(try reader.next()?.key == "a")
        let error = try #require(archiveError { _ = try reader.next() })
        #expect(error.code == .duplicate && error.place == "s, sample b" && error.reason.contains("b.JPG"))
        #expect(try reader.next()?.key == "c")
        #expect(try reader.next() == nil)
    }

    @Test("A sample with more bytes or members than the limits is an error; the samples behind it are read")
    func limits() throws {
        var limits = SampleReader.Limits()
        limits.size = 12
        let file = Fixture.path("shard-writer.tar")
        let small = try SampleReader(try FileSource(path: file), name: "s", limits: limits) {
            $0 == "jpg" ? .read : .drop
        }
        #expect(try small.next()?["jpg"]?.bytes == [UInt8](repeating: 0, count: 10))
        let all = try SampleReader(try FileSource(path: file), name: "s", limits: limits) { _ in .read }
        for _ in 0..<5 { #expect(archiveError { _ = try all.next() }?.code == .tooLarge) }
        #expect(try all.next() == nil)
        limits = SampleReader.Limits()
        limits.fields = 2
        let many = try SampleReader(try FileSource(path: file), name: "s", limits: limits) { _ in .drop }
        for _ in 0..<5 { #expect(archiveError { _ = try many.next() }?.reason.contains("2 members") == true) }
        #expect(try many.next() == nil)
    }

    @Test("Patterns with braces stand for the texts that braceexpand gives, in its order")
    func braces() throws {
        for values in try #require(try Fixture.json("braces.json").array) {
            let pattern = try #require(values.array?[0].string)
            let expected = values.array?[1].array?.compactMap(\.string)
            let texts = try? BraceExpansion(pattern)
            #expect(texts.map { Array($0) } == expected, "\(pattern)")
        }
    }

    @Test("A pattern for very many names takes no memory for them, and too many are refused")
    func manyNames() throws {
        let pattern = try BraceExpansion("s-{0..9999999}.tar")
        #expect(pattern.count == 10_000_000 && pattern[9_999_999] == "s-9999999.tar")
        for text in ["{0..10000000}", "{1..1000}{1..1000}{1..1000}", String(repeating: "{1..1000000000000}", count: 9)]
        {
            #expect(archiveError { _ = try BraceExpansion(text) }?.code == .tooLarge, "\(text)")
        }
        #expect(archiveError { _ = try BraceExpansion("{1..99999999999999999999}") }?.code == .malformed)
        let deep = String(repeating: "{a,", count: 10_000) + String(repeating: "}", count: 10_000)
        #expect(archiveError { _ = try BraceExpansion(deep) }?.code == .tooLarge)
        #expect(archiveError { _ = try BraceExpansion("{a,b") }?.code == .malformed)
    }
}
