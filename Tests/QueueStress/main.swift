import Coordinator
import Foundation

// queue-stress QUEUE OWNER LEASE_MILLISECONDS: finishes jobs, as a world does, until none is left, and prints the id
// of each whose finish was accepted. The tests of the queue run several at once, and kill them.

let arguments = CommandLine.arguments
guard arguments.count == 4, let milliseconds = Int(arguments[3]) else { exit(2) }

do {
    let queue = try SQLiteQueue(path: arguments[1])
    let duration = Duration.milliseconds(milliseconds)
    while try queue.counts().outstanding > 0 {
        let leases = try queue.lease(limit: 3, for: duration, owner: arguments[2])
        if leases.isEmpty { usleep(5_000) }
        for lease in leases {
            let answer = Answer(
                text: lease.job.prompt, tokens: [1, 2], logprobs: [-0.5, -0.25], finishReason: .stop, seconds: 0)
            do throws(QueueError) {
                try queue.finish(lease.ticket, with: answer)
                FileHandle.standardOutput.write(Data("\(lease.ticket.jobID)\n".utf8))
            } catch .staleLease {
                continue
            }
        }
    }
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
