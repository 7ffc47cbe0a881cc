import Foundation
import TestSupport
import Testing

@Suite("Worlds of real ranks")
struct WorldTests {
    @Test(
        "Forty mixed jobs get the reference's answers from any number of ranks",
        arguments: ["odd", "grouped"], [1, 2, 3, 4, 6])
    func anyNumberOfRanks(name: String, ranks: Int) throws {
        let reference = try ReferenceAnswers(name)
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try queue.work(ranks: ranks, model: reference.model)
        #expect(outcome.status == 0, "\(outcome.errors)")
        reference.expect(try queue.results())
    }

    @Test("Several vision ranks and every tight bound give the same answers", arguments: [2, 3])
    func visionRanks(count: Int) throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        // One picture a micro-batch, and keys and values for about three sequences.
        let outcome = try queue.work(
            ranks: count + 2, model: reference.model,
            ["--vision-ranks", "\(count)", "--batch-rows", "1", "--kv-budget", "50k"])
        #expect(outcome.status == 0, "\(outcome.errors)")
        reference.expect(try queue.results())
    }

    @Test("Every set of kernels gives the same answers", arguments: ["scalar", "avx2"])
    func kernels(level: String) throws {
        let reference = try ReferenceAnswers("grouped")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let outcome = try queue.work(ranks: 2, model: reference.model, environment: ["PALIGEMMA_KERNELS": level])
        #expect(outcome.status == 0, "\(outcome.errors)")
        reference.expect(try queue.results())
    }

    @Test("A byte flipped in a Features frame fails that picture alone", arguments: [1, 2, 4])
    func damagedFeatures(ranks: Int) throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        // Pictures are numbered in the order of the jobs; the first job has two.
        let outcome = try queue.work(
            ranks: ranks, model: reference.model, environment: ["PALIGEMMA_FAULT": "flip-features:5"])
        #expect(outcome.status == 1, "\(outcome.errors)")
        let results = try queue.results()
        reference.expect(results, except: ["job-3"])
        let failed = results.filter { $0.error != nil }
        #expect(failed.map(\.id) == ["job-3"] && failed.first?.error?.code == "features_damaged")
    }

    @Test("The same world again does nothing twice, and another model's world is refused")
    func resumption() throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        #expect(try queue.work(ranks: 1, model: reference.model).status == 0)
        let again = try queue.work(ranks: 2, model: reference.model)
        #expect(again.status == 0 && again.errors.contains("0 answered"))
        let other = try queue.work(ranks: 1, model: Fixtures.path("goldens/grouped"))
        #expect(other.status == 5 && other.errors.contains("belongs to"), "\(other.errors)")
        reference.expect(try queue.results())
    }

    @Test("A world that is not as it was asked for does not start, and says why")
    func refusals() throws {
        let model = Fixtures.path("goldens/odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", model + "/jobs.jsonl"])
        let few = try queue.work(ranks: 2, model: model, ["--ranks-expected", "3"])
        #expect(few.status == 3 && few.errors.contains("3 ranks were asked for"), "\(few.errors)")
        let singleton = try queue.work(ranks: 1, model: model, environment: ["PMI_SIZE": "4"])
        #expect(singleton.status == 3 && singleton.errors.contains("Open MPI's mpirun"), "\(singleton.errors)")
        let noModel = try queue.work(ranks: 2, model: queue.folder.path)
        #expect(noModel.status == 4 && noModel.errors.contains("config.json"), "\(noModel.errors)")
        let noQueue = try Programs.world(ranks: 1, ["--model", model, "--queue", queue.folder.file("none.db")])
        #expect(noQueue.status == 5 && noQueue.errors.contains("none.db"), "\(noQueue.errors)")
        let usage = try Programs.world(ranks: 1, ["--model", model])
        #expect(usage.status == 2 && usage.errors.contains("PALIGEMMA_QUEUE"), "\(usage.errors)")
    }

    @Test("A timeline tells what every rank did")
    func timeline() throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue()
        try queue.submit(["--jobs", reference.jobs])
        let path = queue.folder.file("timeline.json")
        #expect(try queue.work(ranks: 3, model: reference.model, ["--timeline", path]).status == 0)
        struct Event: Decodable {
            let ph, name, tid: String
            let pid: Int
            let ts, dur: Double
        }
        let events = try JSONDecoder().decode([Event].self, from: Data(contentsOf: URL(fileURLWithPath: path)))
        #expect(Set(events.map(\.pid)) == [0, 1, 2])
        #expect(Set(events.map(\.name)).isSuperset(of: ["encode", "prefill", "decode", "prepare"]))
        #expect(events.allSatisfy { $0.ph == "X" && $0.dur >= 0 })
    }
}
