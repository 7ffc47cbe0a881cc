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

    /// Seconds after which it is said who has not come yet.
    private static let patience = 20.0

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
        var patience = Date(timeIntervalSinceNow: Self.patience)
        try loop.run { frame in
            switch try Frame.decode(frame.bytes) {
            case .hello(let hello): reports[frame.source] = .hello(hello)
            case .failure(let failure): reports[frame.source] = .failure(failure)
            case .welcome(let welcome): verdict = welcome
            default:
                throw ShardError.protocolViolation(rank: frame.source, reason: "work before the world has started")
            }
        } step: {
            if verdict != nil { return nil }
            guard loop.rank == 0 else { return false }
            guard reports.count == loop.size else {
                if patience < Date() {
                    patience = Date(timeIntervalSinceNow: Self.patience)
                    let missing = (0..<loop.size).filter { reports[$0] == nil }.map(String.init)
                    Talk.line("still waiting for ranks \(missing.joined(separator: ", ")) to load the model")
                }
                return false
            }
            let problem = judge(reports)
            reports.removeAll()
            let frame = try Frame.encode(
                Welcome(
                    accepted: problem == nil, reason: problem?.reason ?? "",
                    exitCode: UInt32((problem?.status ?? .success).code)))
            for rank in 0..<loop.size { loop.sender.send(frame, to: rank) }
            return true
        }
        guard let verdict, !verdict.accepted else { return }
        if loop.rank == 0 { Talk.line(verdict.reason) }
        // All ranks end alike: mpirun passes on the code of whichever it sees first.
        throw Refusal(status: ExitStatus(rawValue: Int32(verdict.exitCode)) ?? .environment)
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

    /// What is wrong with the world, or nil.
    private func judge(_ reports: [Int: Introduction]) -> (reason: String, status: ExitStatus)? {
        var first: Hello?
        for (rank, report) in reports.sorted(by: { $0.key < $1.key }) {
            switch report {
            case .failure(let failure):
                let status = ExitStatus(rawValue: failure.exitCode) ?? .environment
                return ("rank \(rank) cannot start: \(failure.message)", status)
            case .hello(let hello):
                guard let expected = first else {
                    first = hello
                    if let problem = countProblem(hello) { return (problem, .environment) }
                    continue
                }
                if let problem = countProblem(hello) ?? difference(hello, from: expected) {
                    return (problem, .environment)
                }
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
        if hello.link != first.link {
            return "\(place) has --link \(hello.link), but rank 0 on \(first.host) has \(first.link): give every rank "
                + "the same"
        }
        let precisions = [hello, first].map { WeightPrecision(ofFingerprint: $0.fingerprint) }
        if precisions[0] != precisions[1] {
            return "\(place) has --weights \(precisions[0].rawValue), but rank 0 on \(first.host) has "
                + "\(precisions[1].rawValue): give every rank the same"
        }
        let windows = [hello, first].map { ModelConfiguration.hasWindow(fingerprint: $0.fingerprint) }
        if windows[0] != windows[1] {
            return "\(place) has \(windows[0] ? "" : "no ")--sliding-window, but rank 0 on \(first.host) has "
                + "\(windows[1] ? "it" : "none"): give every rank the same"
        }
        let adapters = [hello, first].map { AdapterSet.part(ofFingerprint: $0.fingerprint) }
        if adapters[0] != adapters[1] {
            return "\(place) has other adapters than rank 0 on \(first.host): give every rank the same --adapter, and "
                + "copy the same to both hosts"
        }
        if hello.fingerprint != first.fingerprint {
            return "\(place) has another model at \(settings.model) than rank 0 on \(first.host): copy the same to both"
        }
        return nil
    }
}
