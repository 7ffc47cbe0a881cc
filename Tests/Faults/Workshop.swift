import Foundation
import Queue
import TestSupport

/// What a scenario works in: a folder, a queue, jobs whose ids are written down outside the queue, and worlds under a
/// supervisor. Everything is gone when the scenario is.
final class Workshop {
    let folder: String
    /// The queue's name, as the programs are told it.
    let queueName: String
    let queue: any JobQueue
    /// Where places are named at which a world shall wait, see `FaultSwitch`.
    var faultFile: String { folder + "/fault" }
    private(set) var submitted: [String] = []
    /// Kills of worlds that had one suspect job: the third with the same makes that poison, as is promised.
    private(set) var killsAlone = 0
    private var supervisors: [Supervised] = []

    init(queue name: String? = nil, folder given: String? = nil) throws {
        folder = given ?? NSTemporaryDirectory() + "paligemma-faults-\(UUID().uuidString)"
        try FileManager.default.createDirectory(atPath: folder, withIntermediateDirectories: true)
        queueName = name ?? folder + "/queue.db"
        queue = try openQueue(queueName, create: true)
    }

    /// Ends what is still running, and removes the folder.
    func close() {
        for supervisor in supervisors { supervisor.destroy() }
        try? FileManager.default.removeItem(atPath: folder)
    }

    // MARK: Jobs

    private static let pictures = Tools.fixtures + "/pictures/"
    private static let names = ["gray.jpg", "exif3.png", "palette-8bit.png", "lossless.webp", "progressive.jpg"]

    /// Submits jobs. Every fifth has a picture that is not there, and fails.
    func submit(_ count: Int, maxTokens: Int = 6) throws {
        let jobs = (submitted.count..<submitted.count + count).map { number in
            job(String(format: "job-%06d", number), picture: number % 5 == 4 ? nil : Self.names[number % 4], maxTokens)
        }
        // Outside the queue, before the queue has them.
        let ids = jobs.map(\.id)
        try append(ids.joined(separator: "\n") + "\n", to: folder + "/submitted.txt")
        submitted += ids
        _ = try queue.submit(jobs, otherContents: .refuse)
    }

    /// Jobs that somebody else has submitted.
    func note(submitted ids: [String]) { submitted += ids }

    private func job(_ id: String, picture: String?, _ maxTokens: Int) -> Job {
        let path = Self.pictures + (picture ?? "missing-\(id).jpg")
        let attributes = picture == nil ? nil : JobImage.look(at: path, in: "/")
        let image = attributes ?? JobImage(name: path, path: path)
        return Job(id: id, images: [image], prompt: "caption en", maxTokens: maxTokens)
    }

    // MARK: Worlds

    /// A supervised world of some ranks.
    ///
    /// - Parameter options: of `supervise`; nil for those of worlds that may die very often.
    func supervise(
        ranks: Int = 3, worker: [String] = [], options: [String]? = nil, fault: Bool = false,
        environment more: [String: String] = [:], limits: String? = nil
    ) throws -> Supervised {
        var environment = more
        if fault { environment["PALIGEMMA_FAULT"] = "wait:" + faultFile }
        // What a world had that is destroyed with its supervisor is soon there again.
        let worker = worker.contains("--lease-seconds") ? worker : ["--lease-seconds", "2"] + worker
        let world = ["mpirun", "-n", "\(ranks)", Tools.worker, "--model", Tools.model, "--queue", queueName] + worker
        // A limit is set by a shell, which then becomes mpirun.
        let command = limits.map { ["/bin/sh", "-c", "\($0); exec \"$@\"", "sh"] + world } ?? world
        let own = ["supervise", "--queue", queueName]
        let often = ["--maximum-deaths", "100000", "--restart-pause", "0.1", "--longest-pause", "0.2"]
        let supervisor = try Supervised(
            Tools.paligemma, own + (options ?? often) + ["--"] + command, environment: environment,
            log: folder + "/supervise-\(supervisors.count).log")
        supervisors.append(supervisor)
        return supervisor
    }

    /// To be called before a world is killed.
    func noteKill() throws {
        if try queue.holders().contains(where: \.hasSuspect) { killsAlone += 1 }
    }

    // MARK: Places

    /// Lets the next thread that comes to `place` wait there.
    ///
    /// - Parameter holding: keeps one that waits already where it is.
    func arm(_ place: String, holding: Bool = false) throws {
        if !holding { unlink(faultFile + ".hit") }
        try place.write(toFile: faultFile + ".new", atomically: false, encoding: .utf8)
        rename(faultFile + ".new", faultFile)
    }

    func disarm() {
        unlink(faultFile)
        unlink(faultFile + ".hit")
    }

    func waitForHit(_ place: String, seconds: Double) -> Bool {
        Tools.wait(seconds: seconds) { TextFile.read(faultFile + ".hit") == place }
    }

    /// The job that the waiting thread is at, where its place has one.
    var jobHit: String { TextFile.read(faultFile + ".what") ?? "" }

    /// The place that a world passed last.
    var lastPlace: String {
        let text = TextFile.read(faultFile + ".last") ?? ""
        return text.prefix(31).trimmingCharacters(in: .whitespacesAndNewlines)
    }

    // MARK: The judgement

    /// Lets worlds finish everything, and compares the queue with what was submitted.
    func judge(limit seconds: Double = 120) throws -> Judgement {
        disarm()
        for supervisor in supervisors where supervisor.isRunning { supervisor.signal(SIGTERM) }
        for supervisor in supervisors where !supervisor.waitForEnd(seconds: 15) { supervisor.destroy() }
        let last = try supervise(worker: ["--drain", "--quiet"])
        let ended = last.waitForEnd(seconds: seconds)
        if !ended { last.destroy() }
        return try Judgement(queue, submitted: submitted, unfinished: !ended, killsAlone: killsAlone)
    }

    private func append(_ text: String, to path: String) throws {
        if !FileManager.default.fileExists(atPath: path) { try Data().write(to: URL(fileURLWithPath: path)) }
        let handle = try FileHandle(forWritingTo: URL(fileURLWithPath: path))
        defer { try? handle.close() }
        try handle.seekToEnd()
        try handle.write(contentsOf: Data(text.utf8))
        try handle.synchronize()
    }
}

/// Whether a queue kept its promise.
struct Judgement {
    var submitted = 0
    var answered = 0
    var failed = 0
    /// Ids that were submitted and have no result.
    var lost: [String] = []
    /// Ids that the queue accepted two ends for, or has two results of.
    var doubled: [String] = []
    /// Jobs that failed though nothing is wrong with them.
    var wronged: [String] = []
    /// Jobs that failed as poison, and how many may have: each has to have had three worlds to itself that died.
    var poisoned = 0
    var maximumPoisoned = 0
    var isWhole = true

    var isGood: Bool {
        lost.isEmpty && doubled.isEmpty && wronged.isEmpty && poisoned <= maximumPoisoned && isWhole
            && answered + failed == submitted
    }

    init(_ queue: any JobQueue, submitted ids: [String], unfinished: Bool, killsAlone: Int = 0) throws {
        submitted = ids.count
        maximumPoisoned = killsAlone / RetryPolicy().maximumDeathsAlone
        var results: [String: Int] = [:]
        try queue.forEachResult(sorted: false) { result in
            results[result.id, default: 0] += 1
            switch result.outcome {
            case .answered: answered += 1
            case .failed(let failure, _):
                failed += 1
                if failure.code == JobFailure.poison {
                    poisoned += 1
                } else if !["missing", "file_missing"].contains(failure.code) {
                    wronged.append("\(result.id): \(failure.code)")
                }
            }
        }
        lost = ids.filter { results[$0] == nil }
        var ends: [String: Int] = [:]
        var after: Int64 = 0
        while let page = try Optional(queue.audit(after: after, limit: 1000)), let last = page.last {
            for entry in page { ends[entry.id, default: 0] += 1 }
            after = last.number
        }
        doubled = Set(ids).filter { results[$0] ?? 0 > 1 || ends[$0] ?? 0 > 1 }.sorted()
        do { try queue.verify() } catch { isWhole = false }
    }

    var text: String {
        var text = "\(submitted) submitted = \(answered) answered + \(failed) failed; \(lost.count) lost, "
        text += "\(doubled.count) doubled; queue \(isWhole ? "whole" : "DAMAGED")"
        if poisoned > 0 { text += "; \(poisoned) failed as poison, of at most \(maximumPoisoned)" }
        if !wronged.isEmpty { text += "; wrongly failed: \(wronged.prefix(5).joined(separator: ", "))" }
        if !lost.isEmpty { text += "; lost: \(lost.prefix(5).joined(separator: ", "))" }
        return text
    }
}
