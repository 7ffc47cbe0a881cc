import ArgumentParser
import Base
import Queue
import WorkerInterface

struct FailedCommand: ParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "failed",
        abstract: "List which jobs failed, and why.",
        discussion: """
            Grouped by code, with the message of one job each; --ids lists the jobs, one a line.

              paligemma failed --queue jobs.db
              paligemma failed --queue jobs.db --ids --code missing
              paligemma failed --queue jobs.db --json | jq .jobs
            """)

    @OptionGroup var queue: OptionFlags<QueueSelection>

    @Flag(help: Variable.ids.help("The ids of the jobs, instead of groups."))
    var ids = false

    @Option(help: Variable.code.help("Only what failed with this code.", valueName: "code"))
    var code: String?

    @Flag(help: Variable.json.help("One JSON object a line: a group, or a job with its message."))
    var json = false

    func run() throws {
        let queue = try self.queue.opened()
        let code = try Variable.code.value(code)
        let asJSON = try Variable.json.isOn(json)
        if try Variable.ids.isOn(ids) {
            try list(queue, code: code, asJSON: asJSON)
        } else {
            let groups = try queue.failureGroups().filter { code == nil || $0.code == code }
            for group in groups { print(asJSON ? Self.json(group) : Self.text(group)) }
            if groups.isEmpty { Console.writeLine("no job has failed") }
        }
    }

    private func list(_ queue: any JobQueue, code: String?, asJSON: Bool) throws {
        var last: Int64 = 0
        while true {
            let page = try queue.failedJobs(code: code, afterSequence: last, limit: 1000)
            for job in page { print(asJSON ? Self.json(job) : job.id.onOneLine) }
            guard let end = page.last else { return }
            last = end.sequence
        }
    }

    private static func text(_ group: FailureGroup) -> String {
        let count = String(group.jobs)
        let padding = String(repeating: " ", count: max(0, 7 - count.count))
        return "\(padding)\(count)  \(group.code.padded(to: 20))\(group.example.onOneLine)"
    }

    private static func json(_ group: FailureGroup) -> String {
        var writer = JSONWriter()
        writer.raw("{\"code\":")
        writer.string(group.code)
        writer.raw(",\"jobs\":")
        writer.integer(group.jobs)
        writer.raw(",\"example\":")
        writer.string(group.example)
        writer.raw("}")
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func json(_ job: FailedJob) -> String {
        var writer = JSONWriter()
        writer.raw("{\"id\":")
        writer.string(job.id)
        writer.raw(",\"code\":")
        writer.string(job.failure.code)
        writer.raw(",\"message\":")
        writer.string(job.failure.message)
        writer.raw(",\"attempts\":")
        writer.integer(job.attempts)
        writer.raw("}")
        return String(decoding: writer.bytes, as: UTF8.self)
    }
}
