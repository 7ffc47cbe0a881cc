import Foundation
import PaliGemma
import Shard
import Wire
import WorkerInterface

/// Before any work: every rank tells rank 0 who it is, and rank 0 refuses a world whose ranks do not fit each other,
/// naming the host and the cause.
struct Handshake {
    /// The world does not start; the reason has been reported.
    struct Refusal: Error {
        let status: ExitStatus
    }

    /// Seconds after which the ranks that are missing are reported.
    private static let reportInterval = 20.0

    private let settings: WorkerSettings
    private let parts: Result<ModelParts, any Error>
    private let loop: RankLoop
    private let launch: Launch

    init(
        _ settings: WorkerSettings, _ parts: Result<ModelParts, any Error>, _ loop: RankLoop, _ launch: Launch
    ) {
        self.launch = launch
        self.settings = settings
        self.parts = parts
        self.loop = loop
    }

    /// Introduces this rank, and waits for rank 0's reply.
    ///
    /// - Throws: `Refusal` where the world does not start.
    func run() throws {
        try introduce()
        var reports: [Int: Introduction] = [:]
        var reply: Welcome?
        var nextReport = Date(timeIntervalSinceNow: Self.reportInterval)
        try loop.run { frame in
            switch try Frame.decode(frame.bytes) {
            case .hello(let hello): reports[frame.source] = .hello(hello)
            case .failure(let failure): reports[frame.source] = .failure(failure)
            case .welcome(let welcome): reply = welcome
            default:
                throw ShardError.protocolViolation(rank: frame.source, reason: "work before the world has started")
            }
        } step: {
            if reply != nil { return nil }
            guard loop.rank == 0 else { return false }
            guard reports.count == loop.size else {
                if nextReport < Date() {
                    nextReport = Date(timeIntervalSinceNow: Self.reportInterval)
                    let missing = (0..<loop.size).filter { reports[$0] == nil }.map(String.init)
                    Console.log("still waiting for ranks \(missing.joined(separator: ", ")) to load the model")
                }
                return false
            }
            let problem = problem(in: reports)
            reports.removeAll()
            let frame = try Frame.encode(
                Welcome(
                    accepted: problem == nil, reason: problem?.reason ?? "",
                    exitCode: UInt32((problem?.status ?? .success).code)))
            for rank in 0..<loop.size { loop.sender.send(frame, to: rank) }
            return true
        }
        guard let reply, !reply.accepted else { return }
        if loop.rank == 0 { Console.log(reply.reason) }
        // All ranks end alike: mpirun passes on the code of whichever it sees first.
        throw Refusal(status: ExitStatus(code: Int32(reply.exitCode)) ?? .environment)
    }

    private enum Introduction {
        case hello(Hello)
        case failure(Failure)
    }

    private func introduce() throws {
        switch parts {
        case .success(let parts):
            let hello = Hello(
                build: Launch.build(), wireVersion: UInt32(Frame.version), fingerprint: parts.fingerprint.encoded,
                worldSize: UInt32(loop.size), rank: UInt32(loop.rank), host: launch.host,
                processID: UInt32(launch.processID),
                ranksExpected: UInt32(settings.ranksExpected ?? Launch.ranksStarted() ?? loop.size),
                link: settings.link.rawValue)
            loop.sender.send(try Frame.encode(hello), to: 0)
        case .failure(let error):
            let failure = Failure(
                rank: UInt64(loop.rank), exitCode: ExitStatus(error).code,
                message: "\(launch.host): \(error)")
            loop.sender.send(try Frame.encode(failure), to: 0)
        }
    }

    /// Returns what is wrong with the world, or nil.
    private func problem(in reports: [Int: Introduction]) -> (reason: String, status: ExitStatus)? {
        let agreement = RankAgreement(model: settings.model)
        var first: Hello?
        for (rank, report) in reports.sorted(by: { $0.key < $1.key }) {
            switch report {
            case .failure(let failure):
                let status = ExitStatus(code: failure.exitCode) ?? .environment
                return ("rank \(rank) cannot start: \(failure.message)", status)
            case .hello(let hello):
                guard let expected = first else {
                    first = hello
                    if let problem = RankAgreement.wrongSize(of: hello) { return (problem, .environment) }
                    continue
                }
                if let problem = RankAgreement.wrongSize(of: hello) ?? agreement.difference(of: hello, from: expected) {
                    return (problem, .environment)
                }
            }
        }
        return nil
    }
}
