import Base
import Foundation
import Queue
import TestSupport

/// A clock that stands still until it is told.
final class TestClock: QueueClock {
    let bootID: String
    private let now = Locked<Int64>(1_000_000_000_000)

    init(bootID: String = "boot-1") {
        self.bootID = bootID
    }

    func bootNanoseconds() -> Int64 { now.withLock { $0 } }
    func wallNanoseconds() -> Int64 { bootNanoseconds() }
    func advance(by duration: Duration) { now.withLock { $0 += duration.nanoseconds } }
}

func makeJobs(_ count: Int, prompt: String = "caption en") -> [Job] {
    (0..<count).map { number in
        Job(id: "job-\(number)", images: [JobImage(name: "\(number).jpg", path: "/p/\(number).jpg")], prompt: prompt)
    }
}

let sampleAnswer = Answer(
    text: "a red circle", tokens: [7, 8, 257_151], logprobs: [-0.1, -1e-7, -12.5], finishReason: .stop, seconds: 1.5,
    details: #"{"stop_reason":"\u0000\n"}"#)

let passingFailure = JobFailure(code: "file_unreadable", message: "x.jpg: try again")
