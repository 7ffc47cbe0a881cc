import Foundation

// queue-benchmark operations QUEUE JOBS           fills a queue with jobs and times what worlds and people ask of it
// queue-benchmark worlds QUEUE WORLDS SECONDS_A_JOB SECONDS
//                                                 worlds that sleep instead of computing share a queue
//
// One line of JSON comes out. `benchmarks/queue` runs it and makes the tables.

let arguments = Array(CommandLine.arguments.dropFirst())

do {
    switch arguments.first {
    case "operations" where arguments.count == 3:
        guard let jobs = Int(arguments[2]) else { exit(2) }
        print(try OperationBenchmark(queue: arguments[1], jobs: jobs).line())
    case "worlds" where arguments.count == 5:
        guard let worlds = Int(arguments[2]), let pace = Double(arguments[3]), let seconds = Double(arguments[4]) else {
            exit(2)
        }
        print(try WorldBenchmark(queue: arguments[1], worlds: worlds, secondsAJob: pace, seconds: seconds).line())
    default:
        FileHandle.standardError.write(Data("see benchmarks/queue\n".utf8))
        exit(2)
    }
} catch {
    FileHandle.standardError.write(Data("\(error)\n".utf8))
    exit(1)
}
