import Foundation
import TestSupport
import Testing

@Suite("Links that round", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct LinkTests {
    private struct Report: Decodable {
        struct Rank: Decodable {
            let sent: Double?
            let frames: Double

            enum CodingKeys: String, CodingKey {
                case sent = "collective_sent_bytes"
                case frames = "frames_sent_bytes"
            }
        }
        let answered: Int
        let ranks: [Rank]
    }

    private func work(_ queue: TestQueue, ranks: Int, model: String, link: String) throws -> Report {
        let path = queue.folder.file("report-\(link).json")
        let outcome = try queue.work(
            ranks: ranks, model: model, ["--report", path], environment: ["PALIGEMMA_LINK": link])
        #expect(outcome.status == 0, "\(outcome.errors)")
        return try JSONDecoder().decode(Report.self, from: Data(contentsOf: URL(fileURLWithPath: path)))
    }

    /// The ranks of a group would wait for each other for ever if one chose another token than the rest.
    @Test("A world whose link rounds answers every job and sends little more than half", arguments: [3, 4, 6])
    func rounded(ranks: Int) throws {
        let reference = try ReferenceAnswers("grouped")
        var sent: [Double] = []
        var frames: [Double] = []
        for link in ["f32", "bf16"] {
            let queue = try TestQueue()
            try queue.submit(["--jobs", reference.jobs])
            let report = try work(queue, ranks: ranks, model: reference.model, link: link)
            sent.append(report.ranks.compactMap(\.sent).reduce(0, +))
            frames.append(report.ranks[0].frames)
            let results = try queue.results()
            #expect(report.answered == results.count && results.allSatisfy { $0.error == nil })
            if link == "f32" { reference.expect(results) }
        }
        // What decides travels as it is; answers may have other lengths.
        #expect(sent[1] > 0 && sent[1] < 0.8 * sent[0])
        #expect(frames[1] < frames[0])
    }

    @Test("A link that is not known is refused, and so is a world whose ranks have different ones")
    func refusals() throws {
        let model = Fixtures.path("goldens/odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", model + "/jobs.jsonl"])
        let unknown = try queue.work(ranks: 1, model: model, ["--link", "fp8"])
        #expect(unknown.status == 2 && unknown.errors.contains("f32 or bf16"), "\(unknown.errors)")
        let rest = ["--model", model, "--queue", queue.path, "--drain", "--link"]
        let mixed = try Programs.run(
            "mpirun",
            ["--bind-to", "none", "-n", "1", Programs.worker] + rest + ["f32"]
                + [":", "-n", "1", Programs.worker] + rest + ["bf16"])
        #expect(mixed.status == 3, "\(mixed.errors)")
        #expect(mixed.errors.contains("rank 1 on") && mixed.errors.contains("--link bf16"), "\(mixed.errors)")
    }
}
