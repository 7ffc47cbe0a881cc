import Foundation
import Queue
import Synchronization

// queue-stress QUEUE OWNER LEASE_MILLISECONDS [PAUSE_MILLISECONDS]: finishes jobs, as a world does, until none is left,
// and prints the id of each whose finish was accepted. Each job takes the pause; a job whose picture was not there
// fails; SIGUSR1 drains. The tests run several at once, kill them, and have `paligemma run` start them.

let arguments = CommandLine.arguments
guard arguments.count >= 4, let milliseconds = Int(arguments[3]) else { exit(2) }
let pause = arguments.count > 4 ? UInt32(arguments[4]) ?? 0 : 0

enum Drain {
    static let isAsked = Atomic<Bool>(false)
}
signal(SIGUSR1) { _ in Drain.isAsked.store(true, ordering: .relaxed) }

func printLine(_ text: String) {
    FileHandle.standardOutput.write(Data("\(text)\n".utf8))
}

do {
    let queue = try openQueue(arguments[1], timeout: .seconds(60))
    try queue.adopt(fingerprint: "stress", modelName: "stress")
    let duration = Duration.milliseconds(milliseconds)
    while try queue.counts().outstanding > 0 {
        let leases = try queue.lease(limit: 3, for: duration, owner: arguments[2])
        if leases.isEmpty { usleep(5_000) }
        for (index, lease) in leases.enumerated() {
            usleep(pause * 1000)
            if Drain.isAsked.load(ordering: .relaxed) {
                try queue.release(leases[index...].map(\.handle))
                exit(0)
            }
            let box = #"{"boxes":[{"label":"cat","box":[10,20,110,70],"score":0.5}],"image_size":[640,480]}"#
            let answer = Answer(
                text: lease.job.prompt, tokens: [1, 2], logprobs: [-0.5, -0.25], finishReason: .stop, seconds: 0,
                details: lease.job.prompt.hasPrefix("detect") ? box : nil)
            do throws(QueueError) {
                if lease.job.images.contains(where: { $0.size == nil && $0.path.contains("missing") }) {
                    let failure = JobFailure(code: "missing", message: "there is no such file")
                    try queue.fail(lease.handle, with: failure, permanent: true, seconds: 0)
                } else {
                    try queue.finish(lease.handle, with: answer)
                }
                printLine(lease.handle.jobID)
            } catch .staleLease {
                continue
            }
        }
    }
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
