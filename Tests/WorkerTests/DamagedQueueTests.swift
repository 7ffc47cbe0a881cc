import Foundation
import TestSupport
import Testing

@Suite("Queues that contradict themselves", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct DamagedQueueTests {
    @Test("A world does not wait for ever for jobs that a queue counts and does not have")
    func wrongCounter() throws {
        let reference = try ReferenceAnswers("odd")
        let queue = try TestQueue(server: PostgresServer.shared())
        try queue.submit(["--jobs", reference.jobs])
        try PostgresConsole(queue.path).run("UPDATE paligemma.counts SET ready = ready + 1 WHERE shard = 3")
        let outcome = try queue.work(ranks: 1, model: reference.model)
        #expect(
            outcome.status == 5 && outcome.errors.contains("a counter differs from the jobs of its state"),
            "\(outcome.errors)")
        // What it answered before is kept.
        reference.expect(try queue.results())
    }
}
