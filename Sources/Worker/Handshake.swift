import Foundation
import PaliGemma
import Shard
import Wire

/// Before any work: every rank tells rank 0 who it is, and rank 0 refuses a world whose ranks do not fit each other,
/// naming the host and the cause.
struct Handshake {
    /// The world does not start; why has been said.
    struct Refusal: Error {
        let status: ExitStatus
    }

    private let settings: WorkerSettings
    private let parts: Result<ModelParts, any Error>
    private let loop: RankLoop

    init(_ settings: WorkerSettings, _ parts: Result<ModelParts, any Error>, _ loop: RankLoop) {
        self.settings = settings
        self.parts = parts
        self.loop = loop
    }

    func run() throws {
        try introduce()
        var reports: [Int: Introduction] = [:]
        var verdict: Welcome?
        try loop.run { source, bytes in
            switch try Frame.decode(bytes) {
            case .hello(let hello): reports[source] = .hello(hello)
            case .failure(let failure): reports[source] = .failure(failure)
            case .welcome(let welcome): verdict = welcome
            default: throw ShardError.protocolViolation(rank: source, reason: "work before the world has started")
            }
        } step: {
            if verdict != nil { return nil }
            guard loop.rank == 0, reports.count == loop.size else { return false }
            let problem = judge(reports)
            reports.removeAll()
            let frame = try Frame.encode(Welcome(accepted: problem == nil, reason: problem ?? ""))
            for rank in 0..<loop.size { loop.sender.send(frame, to: rank) }
            return true
        }
        guard let verdict, !verdict.accepted else { return }
        if loop.rank == 0 { Talk.line(verdict.reason) }
        throw Refusal(status: status)
    }

    private var status: ExitStatus {
        if case .failure(let error) = parts { return ExitStatus(error) }
        return .environment
    }

    private enum Introduction {
        case hello(Hello)
        case failure(Failure)
    }

    private func introduce() throws {
        let launch = Launch(worldSize: loop.size)
        switch parts {
        case .success(let parts):
            let hello = Hello(
                build: Launch.build(), wireVersion: UInt32(Frame.version), fingerprint: parts.fingerprint,
                worldSize: UInt32(loop.size), rank: UInt32(loop.rank), host: launch.host,
                processID: UInt32(launch.processID),
                ranksExpected: UInt32(settings.ranksExpected ?? Launch.ranksStarted() ?? loop.size))
            loop.sender.send(try Frame.encode(hello), to: 0)
        case .failure(let error):
            let failure = Failure(
                scope: .rank, ids: [UInt64(loop.rank)], code: "\(ExitStatus(error).code)",
                message: "\(launch.host): \(error)")
            loop.sender.send(try Frame.encode(failure), to: 0)
        }
    }

    /// What is wrong with the world, or nil.
    private func judge(_ reports: [Int: Introduction]) -> String? {
        var first: Hello?
        for (rank, report) in reports.sorted(by: { $0.key < $1.key }) {
            switch report {
            case .failure(let failure):
                return "rank \(rank) cannot start: \(failure.message)"
            case .hello(let hello):
                guard let expected = first else {
                    first = hello
                    if let problem = countProblem(hello) { return problem }
                    continue
                }
                if let problem = countProblem(hello) ?? difference(hello, from: expected) { return problem }
            }
        }
        return nil
    }

    private func countProblem(_ hello: Hello) -> String? {
        guard hello.ranksExpected != hello.worldSize else { return nil }
        return """
            \(hello.host): \(hello.ranksExpected) ranks were asked for, but this world has \(hello.worldSize). \
            Was it started by another MPI's launcher? Use Open MPI's mpirun.
            """
    }

    private func difference(_ hello: Hello, from first: Hello) -> String? {
        let place = "rank \(hello.rank) on \(hello.host)"
        if hello.wireVersion != first.wireVersion || hello.build != first.build {
            return "\(place) runs another build than rank 0 on \(first.host): install the same on every host"
        }
        if hello.fingerprint != first.fingerprint {
            return "\(place) has another model at \(settings.model) than rank 0 on \(first.host): copy the same to both"
        }
        return nil
    }
}
