import Base
import Foundation
import JobSources
import Queue
import Testing
import paligemma

#if canImport(Glibc)
    import Glibc
#endif

/// Sources whose next job is long in coming, and those that end in an error.
@Suite("Slow sources of jobs", .timeLimit(.minutes(15)))
struct SlowSourceTests {
    let bench: CommandBench

    init() throws {
        bench = try CommandBench()
        try bench.writePictures(20)
    }

    /// A pipe by the name `names`, which ends when it is closed.
    private final class Pipe {
        private var descriptor: Int32

        init(_ bench: CommandBench) throws {
            try #require(mkfifo(bench.path("names"), 0o600) == 0)
            // Both ends, so that nobody waits for the other side to open it.
            descriptor = open(bench.path("names"), O_RDWR | O_CLOEXEC)
            try #require(descriptor >= 0)
        }

        deinit { close() }

        func write(_ text: String) throws {
            var bytes = Array(text.utf8)[...]
            while !bytes.isEmpty {
                let count = bytes.withUnsafeBytes { Glibc.write(descriptor, $0.baseAddress, $0.count) }
                try #require(count > 0)
                bytes = bytes.dropFirst(count)
            }
        }

        func close() {
            if descriptor >= 0 { Glibc.close(descriptor) }
            descriptor = -1
        }
    }

    private func count(_ queue: String) -> Int {
        (try? SQLiteQueue(path: bench.path(queue)).counts().total) ?? 0
    }

    /// A worker that does not end where the queue is empty.
    private func installPatientWorker(pauseMilliseconds: Int) throws {
        let stress = try CommandBench.built("queue-stress")
        try bench.installWorker(
            """
            trap 'kill -USR1 $! 2>/dev/null; wait $!; exit 0' USR1
            while :; do
                '\(stress)' "$QUEUE" "$PALIGEMMA_WORLD" 600000 \(pauseMilliseconds) >/dev/null & wait $!
                sleep 0.05 & wait $!
            done
            """)
    }

    private func run() throws -> RunningCommand {
        let words = ["run", "--model", "model", "--prompt", "ocr", "--list", "names", "--output", "out.jsonl"]
        return try RunningCommand(bench, words, environment: ["PATH": "/usr/bin:/bin"])
    }

    @Test("A job is in the queue before the next one is there")
    func submit() throws {
        let pipe = try Pipe(bench)
        let command = try RunningCommand(
            bench, ["submit", "--queue", "jobs.db", "--prompt", "ocr", "--list", "names"])
        for number in 1...2 {
            try pipe.write("pictures/00\(number).jpg\n")
            #expect(command.waitUntil { count("jobs.db") == number })
        }
        pipe.close()
        let outcome = try command.wait()
        #expect(outcome.code == 0 && outcome.errors.contains("2 added, 0 known"), "\(outcome.errors)")
    }

    @Test("A queue that refuses more ends the submission although its source goes on")
    func refusal() throws {
        #expect(try bench.run("submit", "--queue", "jobs.db", "--prompt", "ocr", "pictures").code == 0)
        let pipe = try Pipe(bench)
        try pipe.write("more.jpg\n")
        let outcome = try bench.run(
            "submit", "--queue", "jobs.db", "--prompt", "ocr", "--list", "names", "--max-ready", "20")
        #expect(outcome.code == 5)
        #expect(outcome.errors.contains("0 added") && outcome.errors.contains("has 20 jobs ready, and 1 more"))
    }

    @Test("A run answers what it has read, and an interrupt ends it although its source goes on")
    func interrupt() throws {
        try installPatientWorker(pauseMilliseconds: 0)
        let pipe = try Pipe(bench)
        try pipe.write("pictures/000.jpg\n")
        let command = try run()
        #expect(command.waitUntil { ((try? bench.read("out.jsonl")) ?? "").contains("\n") })
        command.interrupt()
        #expect(try command.wait().code == 130)
        #expect(try bench.results("out.jsonl").map(\.id) == ["pictures/000.jpg"])
    }

    @Test("A world that is refused ends the run although its source goes on")
    func refusedWorld() throws {
        try bench.installWorker("echo 'the reason' >&2; exit 4")
        let pipe = try Pipe(bench)
        try pipe.write("pictures/000.jpg\n")
        let outcome = try run().wait()
        #expect(outcome.code == 4 && outcome.errors.contains("not all were read"), "\(outcome.errors)")
        pipe.close()
    }

    @Test("A source that fails is told at once and at the end, and what was submitted before is answered")
    func failure() throws {
        let stress = try CommandBench.built("queue-stress")
        try bench.installWorker(
            """
            while [ ! -e '\(bench.path("go"))' ]; do sleep 0.05; done
            exec '\(stress)' "$QUEUE" "$PALIGEMMA_WORLD" 600000
            """)
        let pipe = try Pipe(bench)
        try pipe.write((0..<20).map { String(format: "pictures/%03d.jpg\n", $0) }.joined())
        let command = try run()
        #expect(command.waitUntil { count("out.jsonl.queue") == 20 && !bench.worldsStarted.isEmpty })
        try pipe.write(String(repeating: "n", count: 70_000) + "\n")
        let message = "name 21 is longer than a path can be"
        // No job is answered before this is told.
        #expect(command.waitUntil { command.errorsSoFar.contains(message) })
        try bench.write("", to: "go")
        let outcome = try command.wait()
        #expect(outcome.code == 2)
        #expect(outcome.errors.components(separatedBy: message).count == 3, "\(outcome.errors)")
        #expect(try bench.results("out.jsonl").filter(\.answered).count == 20)
    }
}

/// The thread that reads a source before its jobs are submitted.
@Suite("The feed of jobs", .timeLimit(.minutes(15)))
struct JobFeedTests {
    /// Jobs without end, or with an error as their end.
    private final class Source: JobSource {
        let made = Locked(0)
        private let bytes: [UInt8]?
        private let last: Int

        init(bytesOfPicture: Int? = nil, last: Int = .max) {
            bytes = bytesOfPicture.map { [UInt8](repeating: 1, count: $0) }
            self.last = last
        }

        func next() throws(QueueError) -> Job? {
            let number = made.withLock { made in
                made += 1
                return made
            }
            guard number <= last else { throw .unreadable(path: "x", reason: "no more") }
            return Job(id: "\(number)", images: [JobImage(name: "x", path: "x", bytes: bytes)], prompt: "")
        }

        var notes: [String] { ["a note"] }
    }

    private func jobs(_ feed: JobFeed) -> [Job]? {
        if case .jobs(let jobs) = feed.take(until: nil) { jobs } else { nil }
    }

    @Test("What is read and not taken is bounded by number, and a feed that is stopped ends")
    func number() throws {
        let source = Source()
        let feed = JobFeed(source, nil, embedFrom: nil)
        var taken: [Job] = []
        while taken.count < 5000 { taken += try #require(jobs(feed)) }
        #expect(taken.map(\.id) == (1...taken.count).map(String.init))
        feed.stop()
        let end = try #require(try feed.end())
        #expect(end.notes == ["a note"])
        #expect(source.made.withLock { $0 } <= taken.count + 1024 + 1)
    }

    @Test("What is read and not taken is bounded by the bytes of its pictures")
    func bytes() throws {
        let feed = JobFeed(Source(bytesOfPicture: 5 << 20), nil, embedFrom: nil)
        for _ in 0..<4 { #expect((1...3).contains(try #require(jobs(feed)).count)) }
        feed.stop()
        _ = try feed.end()
        let large = JobFeed(Source(bytesOfPicture: 20 << 20), nil, embedFrom: nil)
        for _ in 0..<2 { #expect(jobs(large)?.count == 1) }
        large.stop()
        _ = try large.end()
    }

    @Test("The jobs before an error come first")
    func error() throws {
        let feed = JobFeed(Source(last: 3), nil, embedFrom: nil)
        var taken: [Job] = []
        while let jobs = jobs(feed) { taken += jobs }
        #expect(taken.map(\.id) == ["1", "2", "3"])
        #expect(throws: QueueError.unreadable(path: "x", reason: "no more")) { try feed.end() }
    }
}
