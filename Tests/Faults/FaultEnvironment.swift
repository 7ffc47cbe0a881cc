import Base
import Foundation
import Queue
import TestSupport

/// The environment of a scenario: a folder, a queue, jobs whose ids are recorded outside the queue, and worlds under a
/// supervisor. ``close()`` ends and removes all of it.
final class FaultEnvironment {
    let folder: String
    /// The queue's address, as it is given to the programs.
    let queueName: String
    let queue: any JobQueue
    /// The file that names the place at which a world waits, see `FaultSwitch`.
    var faultFile: String { folder + "/fault" }
    private(set) var submitted: [String] = []
    /// Kills of worlds that had one suspect job. The third kill with the same job makes it poison.
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

    /// Submits jobs. Every fifth has a picture that does not exist, and must fail.
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

    /// Records jobs that another program has submitted.
    func note(submitted ids: [String]) { submitted += ids }

    private func job(_ id: String, picture: String?, _ maxTokens: Int) -> Job {
        let path = Self.pictures + (picture ?? "missing-\(id).jpg")
        let attributes =
            picture == nil
            ? nil
            : (try? FileStamp(path: path)).map {
                JobImage(name: path, path: path, size: $0.size, modified: $0.modificationTime)
            }
        let image = attributes ?? JobImage(name: path, path: path)
        return Job(id: id, images: [image], prompt: "caption en", maxTokens: maxTokens)
    }

    // MARK: Worlds

    /// Starts a supervised world.
    ///
    /// - Parameter options: of `supervise`; nil for those of worlds that may die very often.
    func supervise(
        ranks: Int = 3, worker: [String] = [], options: [String]? = nil, fault: Bool = false,
        environment more: [String: String] = [:], limits: String? = nil
    ) throws -> Supervised {
        var environment = more
        if fault { environment["PALIGEMMA_FAULT"] = "wait:" + faultFile }
        // The leases of a world that is destroyed with its supervisor must expire soon.
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

    /// Counts a kill. Call this before a world is killed.
    func noteKill() throws {
        if try queue.holders().contains(where: \.hasSuspect) { killsAlone += 1 }
    }

    // MARK: Places

    /// Makes the next thread that reaches `place` wait there.
    ///
    /// - Parameter holding: whether a thread that waits already keeps waiting.
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

    // MARK: Verification

    /// Lets worlds finish everything, and compares the queue with what was submitted.
    func verify(limit seconds: Double = 120) throws -> Verification {
        disarm()
        for supervisor in supervisors where supervisor.isRunning { supervisor.signal(SIGTERM) }
        for supervisor in supervisors where !supervisor.waitForEnd(seconds: 15) { supervisor.destroy() }
        let last = try supervise(worker: ["--drain", "--quiet"])
        let ended = last.waitForEnd(seconds: seconds)
        if !ended { last.destroy() }
        return try Verification(queue, submitted: submitted, unfinished: !ended, killsAlone: killsAlone)
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
