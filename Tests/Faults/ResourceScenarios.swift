import Foundation
import TestSupport

/// Disks that fill, and memory that runs out.
enum ResourceScenarios {
    /// A small file system of its own; needs root.
    private final class SmallDisk {
        let path: String

        init(megabytes: Int) throws {
            path = NSTemporaryDirectory() + "paligemma-disk-\(UUID().uuidString)"
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
            let outcome = try Programs.run("mount", ["-t", "tmpfs", "-o", "size=\(megabytes)m", "tmpfs", path])
            guard outcome.status == 0 else { throw Failure("a small disk needs root: \(outcome.errors)") }
        }

        deinit {
            _ = try? Programs.run("umount", ["-l", path])
            rmdir(path)
        }

        /// Takes all of the room that is left.
        func fill() {
            let descriptor = open(path + "/filler", O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0o600)
            let block = [UInt8](repeating: 1, count: 4096)
            while write(descriptor, block, block.count) > 0 {}
            close(descriptor)
        }

        func free() { unlink(path + "/filler") }
    }

    /// The disk under the queue is full for a while, several times.
    static func fullQueue(rounds: Int) throws -> Report {
        let disk = try SmallDisk(megabytes: 8)
        let setup = try FaultEnvironment(queue: disk.path + "/queue.db")
        defer { setup.close() }
        try setup.submit(200)
        let world = try setup.supervise(worker: ["--batch-rows", "1"])
        var clear = 0
        for _ in 0..<rounds {
            let done = try setup.queue.counts().finished
            guard Tools.wait(seconds: 30, until: { (try? setup.queue.counts().finished) ?? 0 > done + 5 }) else {
                throw Failure("the world did not go on: \(world.output.suffix(2000))")
            }
            if try setup.queue.counts().ready < 300 { try setup.submit(400) }
            let seen = world.output.count
            disk.fill()
            if Tools.wait(
                seconds: 30, until: { world.output.dropFirst(seen).contains("no space left under the queue") })
            {
                clear += 1
            }
            usleep(500_000)
            disk.free()
        }
        let verification = try setup.verify()
        return Report(
            name: "\(rounds) times a full disk under the queue", isGood: verification.isGood && clear == rounds,
            lines: [verification.text, "\(clear) times the message named the lack of space"])
    }

    /// The disk under a run's output and queue is full; with more room the same command continues.
    static func fullOutput() throws -> Report {
        let disk = try SmallDisk(megabytes: 8)
        let setup = try FaultEnvironment()
        defer { setup.close() }
        let pictures = Tools.fixtures + "/pictures/"
        let count = 3000
        let lines = (0..<count).map {
            #"{"id": "line-\#($0)", "images": ["\#(pictures)gray.jpg"], "prompt": "caption en", "max_tokens": 12}"#
        }
        let jobs = setup.folder + "/jobs.jsonl"
        try lines.joined(separator: "\n").write(toFile: jobs, atomically: true, encoding: .utf8)
        let output = disk.path + "/out.jsonl"
        let command = ["run", "--model", Tools.model, "--jobs", jobs, "--ranks", "2", "--output", output]
        let first = try Supervised(Tools.paligemma, command, log: setup.folder + "/run.log")
        guard Tools.wait(seconds: 30, until: { TextFile.read(output)?.isEmpty == false }) else {
            throw Failure("no output: \(first.output)")
        }
        disk.fill()
        let ended = first.waitForEnd(seconds: 60)
        let wasFinished = first.status == 0
        let isClear = first.output.contains("no space left")
        first.destroy()
        disk.free()
        let second = try Supervised(Tools.paligemma, command, log: setup.folder + "/run-again.log")
        let done = second.waitForEnd(seconds: 120) && second.status == 0
        let ids = (TextFile.read(output) ?? "").split(separator: "\n")
            .compactMap { $0.split(separator: "\"").dropFirst(3).first.map(String.init) }
        let isGood = ended && (isClear || wasFinished) && done && ids.count == count && Set(ids).count == count
        return Report(
            name: "a full disk under a run's output", isGood: isGood,
            lines: [
                "first run: \(wasFinished ? "was done already" : isClear ? "the message named the lack of space" : "NO CLEAR MESSAGE")"
                    + ", exit \(first.status); again with room: exit \(second.status), \(ids.count) lines, \(Set(ids).count) ids of \(count)"
            ])
    }

    /// A micro-batch needs more memory than a rank may have; each of its jobs alone does not.
    static func memory(queue: String?) throws -> Report {
        let setup = try FaultEnvironment(queue: queue)
        defer { setup.close() }
        try setup.submit(12)
        // A rank that is to encode its third job takes all memory that it is allowed; alone in their world jobs are
        // the first and second.
        let world = try setup.supervise(
            ranks: 2, worker: ["--batch-rows", "1", "--drain"],
            environment: ["PALIGEMMA_FAULT": "memory:before-encode:3"], limits: "ulimit -v 6000000")
        _ = Tools.wait(seconds: 90) {
            world.output.components(separatedBy: "starting it again").count > 2 || !world.isRunning
        }
        let deaths = world.output.components(separatedBy: "the world died (out of memory)").count - 1
        let isClear = world.output.contains("is out of memory: give the world more")
        world.destroy()
        let verification = try setup.verify()
        return Report(
            name: "out of memory in one rank", isGood: verification.isGood && deaths > 0 && isClear,
            lines: [
                verification.text,
                "\(deaths) worlds died of it, \(isClear ? "with a message that says so" : "WITHOUT A CLEAR MESSAGE")",
            ])
    }
}
