// The fields are named as the keys of the results.
// swift-format-ignore-file: AlwaysUseLowerCamelCase

import Foundation
import TestSupport
import Testing

/// The examples' miniature finds shapes.
@Suite("Boxes come with the answers", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct DetectionTests {
    private let folder: TemporaryFolder
    private static let examples = URL(fileURLWithPath: #filePath).deletingLastPathComponent()
        .appendingPathComponent("../../Examples").standardizedFileURL.path

    init() throws {
        folder = try TemporaryFolder()
    }

    private func paligemma(_ arguments: String...) throws -> Programs.Outcome {
        try Programs.run(Programs.paligemma, arguments, directory: folder.path)
    }

    private struct Line: Decodable {
        struct Box: Decodable, Equatable {
            let label: String
            let box: [Int]
            let score: Double
        }
        let id: String
        let boxes: [Box]?
        let image_size: [Int]?
        let text: String?
    }

    private struct Coco: Decodable {
        struct Image: Decodable {
            let id: Int
            let file_name: String
            let width: Int
            let height: Int
        }
        struct Annotation: Decodable {
            let id: Int
            let image_id: Int
            let category_id: Int
            let bbox: [Int]
            let area: Int
            let iscrowd: Int
            let score: Double
        }
        struct Category: Decodable {
            let id: Int
            let name: String
        }
        let images: [Image]
        let annotations: [Annotation]
        let categories: [Category]
    }

    @Test("Boxes are written into the results' lines and into a COCO file, in pixels of the upright picture")
    func boxes() throws {
        let pictures = Self.examples + "/pictures"
        let jobs = """
            {"id": "a", "images": ["\(pictures)/one-shape.png"], "task": "detect", "about": "red circle"}
            {"id": "b", "images": ["\(pictures)/one-shape.png"], "prompt": "caption en"}
            {"id": "c", "images": ["\(pictures)/turned-by-exif.jpg"], "task": "detect", "about": "red square"}
            {"id": "d", "images": ["\(pictures)/one-shape.png", "\(pictures)/two-shapes.jpg"], "prompt": "detect red circle"}
            {"id": "e", "images": ["missing.png"], "prompt": "detect red circle"}
            """
        _ = try folder.write(jobs, to: "jobs.jsonl")
        let model = Self.examples + "/miniature/model"
        let run = try paligemma("run", "--model", model, "--jobs", "jobs.jsonl", "--output", "out.jsonl", "--sorted")
        #expect(run.status == 1, "\(run.errors)")
        let text = try String(contentsOfFile: folder.file("out.jsonl"), encoding: .utf8)
        let lines = try text.split(separator: "\n").map { try JSONDecoder().decode(Line.self, from: Data($0.utf8)) }
        #expect(lines.map(\.id) == ["a", "b", "c", "d", "e"])
        #expect(lines[0].boxes?.map(\.label) == ["red circle"])
        #expect(lines[0].boxes?.map(\.box) == [[60, 40, 145, 125]])
        #expect(lines[0].image_size == [160, 160])
        #expect(lines[0].boxes?.allSatisfy { (0.3...0.7).contains($0.score) } == true)
        // A caption has none; of two pictures nobody knows which is meant.
        #expect(lines[1].boxes == nil && lines[3].boxes == nil && lines[4].boxes == nil)
        // Upright.
        #expect(lines[2].image_size == [360, 280])

        let results = try paligemma(
            "results", "--queue", "out.jsonl.queue", "--format", "coco", "--output", "coco.json")
        #expect(results.status == 0)
        #expect(results.errors.contains("1 job failed"))
        let file = try Data(contentsOf: URL(fileURLWithPath: folder.file("coco.json")))
        let coco = try JSONDecoder().decode(Coco.self, from: file)
        #expect(coco.images.map(\.file_name) == [pictures + "/one-shape.png", pictures + "/turned-by-exif.jpg"])
        #expect(coco.images.map(\.width) == [160, 360] && coco.images.map(\.height) == [160, 280])
        let first = try #require(coco.annotations.first)
        #expect(first.bbox == [60, 40, 85, 85] && first.area == 85 * 85 && first.image_id == coco.images[0].id)
        #expect(coco.categories.first { $0.id == first.category_id }?.name == "red circle")
        #expect(Set(coco.annotations.map(\.id)).count == coco.annotations.count)
        #expect(coco.annotations.count == lines.compactMap(\.boxes).joined().count)
    }
}
