import Base
import Foundation
import Queue
import ResultSinks
import TestSupport
import Testing

@Suite("Answers as COCO has them", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct CocoTests {
    let bench: SinkBench

    init() throws { bench = try SinkBench() }

    private func boxes(_ boxes: (label: String, corners: String, score: String?)...) -> String {
        let list = boxes.map { box in
            #"{"label":"\#(box.label)","box":[\#(box.corners)]"# + (box.score.map { #","score":\#($0)"# } ?? "") + "}"
        }
        return #"{"boxes":[\#(list.joined(separator: ","))],"image_size":[640,480]}"#
    }

    private func json(_ name: String) throws -> JSON { try JSON(parsing: try #require(bench.read(name))) }

    private func integers(_ entries: JSON?, _ key: String) -> [Int?] { entries?.array?.map { $0[key]?.integer } ?? [] }

    private let annotations = """
        {"info": {"a": [1, {"b": "]}\\""}]}, "images": [
          {"id": 391895, "file_name": "val/one.jpg", "width": 1}, {"file_name": "caf\u{E9}.png", "id": 7},
          {"id": 8, "file_name": "cafe\u{301}.png"}, {"id": 9, "file_name": "x/same.jpg"}, {"id": 10, "file_name": "y/same.jpg"}],
         "annotations": [{"id": 1, "image_id": 391895, "segmentation": [[1.5, 2]]}],
         "categories": [{"id": 90, "name": "toothbrush"}, {"id": 17, "name": "cat"}]}
        """

    @Test("Results have the numbers of an annotation file, and what it does not know is counted and named")
    func reference() throws {
        try bench.write(annotations, to: "instances.json")
        for name in ["data/one.jpg", "caf\u{E9}.png", "cafe\u{301}.png", "same.jpg", "none.jpg"] {
            try bench.submit(name, [bench.picture(name)])
        }
        let details = boxes(("cat", "10,20,110,70", "0.5"), ("dog", "0,0,1,1", nil))
        try bench.answer(["a", "b", "c", "d", nil], details: details)
        let report = try bench.finish(.cocoResults, to: "out.json") { $0.cocoImages = bench.path("instances.json") }
        let results = try json("out.json")
        #expect(integers(results, "image_id") == [391_895, 7, 8])
        #expect(integers(results, "category_id") == [17, 17, 17])
        #expect(results.array?.first?["bbox"]?.array?.map(\.integer) == [10, 20, 100, 50])
        #expect(results.array?.first?["score"]?.number == 0.5)
        #expect(report.isIncomplete)
        #expect(report.notes.count == 3)
        #expect(report.notes[0].hasPrefix("1 job failed and is not in it"))
        #expect(report.notes[1].contains("1 answer about") && report.notes[1].contains("\"same.jpg\""))
        #expect(report.notes[2].contains("3 boxes") && report.notes[2].contains("\"dog\""))
    }

    @Test("Results have the numbers that the jobs carry, whole numbers as text too")
    func carried() throws {
        try bench.submit("a", [bench.picture("a.jpg")], carried: #"{"image_id":"42","category_id":3}"#)
        try bench.submit("b", [bench.picture("b.jpg")], carried: #"{"image_id":9007199254740993,"category_id":"4"}"#)
        try bench.submit("c", [bench.picture("c.jpg")], carried: #"{"image_id":"c-1","category_id":5}"#)
        try bench.submit("d", [bench.picture("d.jpg")], carried: #"{"image_id":null,"category_id":5}"#)
        try bench.answer(["a", "b", "c", "d"], details: boxes(("thing", "0,0,10,10", nil)))
        let report = try bench.finish(.cocoResults, to: "out.json")
        let results = try json("out.json")
        #expect(results.array?.map { $0["image_id"] } == [.number("42"), .number("9007199254740993"), .string("c-1")])
        #expect(integers(results, "category_id") == [3, 4, 5])
        #expect(results.array?.map { $0["score"]?.number } == [1, 1, 1])
        #expect(report.isIncomplete && report.notes.count == 1)
    }

    @Test("Captions have the picture's number and the text")
    func captions() throws {
        try bench.submit("a", [bench.picture("a.jpg")], carried: #"{"image_id":1}"#)
        try bench.submit("b", [bench.picture("b.jpg")], carried: #"{"image_id":2}"#)
        try bench.answer(["a \"cat\"\n", "dog"])
        #expect(try bench.finish(.cocoCaptions, to: "out.json") == SinkReport())
        let results = try json("out.json")
        #expect(integers(results, "image_id") == [1, 2])
        #expect(results.array?.map { $0["caption"]?.string } == ["a \"cat\"\n", "dog"])
    }

    @Test("Without an answer the results are an empty array", arguments: [ResultFormat.cocoResults, .cocoCaptions])
    func empty(format: ResultFormat) throws {
        try bench.finish(format, to: "out.json")
        #expect(try json("out.json") == .array([]))
    }

    @Test("A dataset tells composed and decomposed names apart, and every annotation has its picture")
    func exactNames() throws {
        for (index, name) in ["caf\u{E9}.png", "cafe\u{301}.png"].enumerated() {
            try bench.submit("\(index)", [bench.picture(name)])
        }
        try bench.answer(["a", "b"], details: boxes(("caf\u{E9}", "0,0,1,1", nil), ("cafe\u{301}", "0,0,2,2", "0.25")))
        #expect(try bench.finish(.coco, to: "out.json") == SinkReport())
        let dataset = try json("out.json")
        #expect(integers(dataset["images"], "id") == [1, 2])
        #expect(integers(dataset["annotations"], "image_id") == [1, 1, 2, 2])
        #expect(integers(dataset["annotations"], "category_id") == [1, 2, 1, 2])
        #expect(integers(dataset["categories"], "id") == [1, 2])
    }

    @Test("A dataset has one's own numbers of pictures and categories, and all categories of the annotation file")
    func ownNumbers() throws {
        try bench.write(annotations, to: "instances.json")
        try bench.submit("a", [bench.picture("one.jpg")])
        try bench.submit("b", [bench.picture("one.jpg")], prompt: "detect cat")
        try bench.answer(["a", "b"], details: boxes(("cat", "0,0,1,1", nil)))
        #expect(
            try bench.finish(.coco, to: "out.json") { $0.cocoImages = bench.path("instances.json") } == SinkReport())
        let dataset = try json("out.json")
        #expect(integers(dataset["images"], "id") == [391_895])
        #expect(integers(dataset["annotations"], "image_id") == [391_895, 391_895])
        #expect(integers(dataset["annotations"], "id") == [1, 2])
        #expect(integers(dataset["categories"], "id") == [90, 17])
    }

    @Test(
        "An annotation file that is none is refused by name",
        arguments: [
            "", "[]", "{", "{\"images\":[}", "{\"images\":[{\"id\":1}]}", "{\"images\":{}}",
            "{\"images\":[{\"id\":1 2}]}", "{\"a\":\"\\",
        ])
    func badReference(text: String) throws {
        try bench.write(text, to: "bad.json")
        let error = #expect(throws: SinkError.self) {
            try bench.finish(.cocoResults, to: "out.json") { $0.cocoImages = bench.path("bad.json") }
        }
        #expect(error?.code == .badReference)
        #expect(error?.description.contains("bad.json") == true)
    }
}
