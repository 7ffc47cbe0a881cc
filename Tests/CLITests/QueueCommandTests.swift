import Foundation
import Queue
import TestSupport
import Testing

/// The commands on a queue of either kind.
@Suite("The commands of a queue", .timeLimit(.minutes(15)))
struct QueueCommandTests {
    enum Kind: CaseIterable {
        case file
        case server
    }

    let bench: CommandBench

    init() throws {
        bench = try CommandBench()
    }

    private func queue(_ kind: Kind) throws -> String {
        switch kind {
        case .file: "jobs.db"
        case .server: try PostgresServer.shared().makeDatabase()
        }
    }

    private func paligemma(_ queue: String, _ words: String...) throws -> CommandBench.Outcome {
        try RunningCommand(bench, words, environment: ["PALIGEMMA_QUEUE": queue]).wait()
    }

    private func open(_ name: String) throws -> any JobQueue {
        try openQueue(name.hasPrefix("postgres") ? name : bench.path(name))
    }

    @Test(
        "Passwords in an address are not in the list of processes",
        arguments: [
            ["--queue", "postgres://u:s3cret@127.0.0.1:1/db"], ["--queue=postgres://u:s3cret@127.0.0.1:1/db"],
            ["--queue", "host=127.0.0.1 port=1 password=s3cret"],
        ])
    func arguments(words: [String]) throws {
        let folder = try TemporaryFolder()
        let program = try BackgroundProgram(
            try CommandBench.built("paligemma"), ["status"] + words, environment: BackgroundProgram.plainEnvironment,
            output: folder.file("output"))
        defer { program.signal(SIGKILL) }
        // A server that is out of reach is waited for, so there is time to look.
        var arguments = ""
        while program.isRunning, !arguments.contains("***") {
            arguments = TextFile.read("/proc/\(program.id)/cmdline") ?? ""
            usleep(1000)
        }
        #expect(
            arguments.contains("postgres://") && arguments.contains("***") && !arguments.contains("s3cret"),
            "\(arguments)")
    }

    @Test("A queue is filled, watched, put in order and emptied", arguments: Kind.allCases)
    func wholeLife(kind: Kind) throws {
        let name = try queue(kind)
        try bench.writePictures(10)
        #expect(try paligemma(name, "submit", "--prompt", "ocr", "pictures", "--priority", "3").code == 0)
        let queue = try open(name)
        let leases = try queue.lease(limit: 4, for: .seconds(60), owner: "test")
        #expect(leases.map(\.job.priority) == [3, 3, 3, 3])
        for (index, code) in ["missing", "missing", "corrupt"].enumerated() {
            let failure = JobFailure(code: code, message: "no \(index)")
            try queue.fail(leases[index].handle, with: failure, permanent: true, seconds: 0)
        }
        let status = try paligemma(name, "status").output
        #expect(status.contains("1 world at work, 0.05 jobs/s over the last minute"))

        let failed = try paligemma(name, "failed").output.split(separator: "\n")
        #expect(failed.map { $0.split(separator: " ").prefix(2) } == [["2", "missing"], ["1", "corrupt"]])
        #expect(try paligemma(name, "failed", "--ids", "--code", "corrupt").output == "pictures/002.jpg\n")
        let json = #"{"id":"pictures/002.jpg","code":"corrupt","message":"no 2","attempts":1}"# + "\n"
        #expect(try paligemma(name, "failed", "--ids", "--json", "--code", "corrupt").output == json)

        #expect(try paligemma(name, "retry", "--code", "missing").errors == "2 queued anew\n")
        #expect(try paligemma(name, "cancel", "pictures/003.jpg", "pictures/009.jpg").errors == "2 canceled\n")
        #expect(throws: QueueError.staleLease(jobID: "pictures/003.jpg")) {
            try queue.fail(
                leases[3].handle, with: JobFailure(code: "late", message: ""), permanent: true, seconds: 0)
        }
        #expect(try paligemma(name, "cancel", "--all").errors == "7 canceled\n")
        let lines = try paligemma(name, "results").output.split(separator: "\n")
        #expect(lines.count == 10)
        #expect(lines.filter { $0.contains(#""code":"cancelled""#) }.count == 9)
        #expect(try paligemma(name, "purge", "--older-than", "1h").errors == "0 removed\n")
        #expect(try paligemma(name, "purge", "--older-than", "0s").errors == "10 removed\n")
        #expect(try queue.counts().total == 0)
        try queue.verify()
    }

    @Test("A submission that passes its bound names what it refused", arguments: Kind.allCases)
    func boundedSubmission(kind: Kind) throws {
        let name = try queue(kind)
        try bench.writePictures(10)
        #expect(try paligemma(name, "submit", "--prompt", "ocr", "pictures", "--max-ready", "10").code == 0)
        let refused = try paligemma(name, "submit", "--prompt", "ocr", "more.jpg", "--max-ready", "10")
        #expect(refused.code == 5)
        #expect(refused.errors.contains("0 added"))
        #expect(refused.errors.contains("has 10 jobs ready, and 1 more would pass the bound of 10"))
    }

    @Test("Embedded pictures do not need their files any more", arguments: Kind.allCases)
    func embeddedPictures(kind: Kind) throws {
        let name = try queue(kind)
        try bench.writePictures(2)
        let outcome = try paligemma(name, "submit", "--prompt", "ocr", "--embed", "pictures", "missing.jpg")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("3 added, 0 known, 0 replaced, 1 failed at once"))
        try FileManager.default.removeItem(atPath: bench.path("pictures"))
        let leases = try open(name).lease(limit: 9, for: .seconds(60), owner: "test")
        #expect(leases.flatMap { $0.job.images.map(\.bytes) } == [Array("x".utf8), Array("x".utf8)])
        #expect(try paligemma(name, "failed", "--ids").output == "missing.jpg\n")
        #expect(try paligemma(name, "results").output.contains(#""code":"missing""#))
    }
}
