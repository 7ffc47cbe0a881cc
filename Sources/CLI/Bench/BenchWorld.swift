import Foundation
import Pictures
import Queue

/// A folder for one measurement; gone with this object.
final class BenchFolder {
    let path: String

    init() throws(CommandFailure) {
        path = NSTemporaryDirectory() + "paligemma-bench-" + UUID().uuidString
        do {
            try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
        } catch {
            throw CommandFailure(.environment, "cannot make the folder \(path): \(error.localizedDescription)")
        }
    }

    deinit { try? FileManager.default.removeItem(atPath: path) }

    var queue: String { path + "/queue.db" }
    var report: String { path + "/report.json" }
    func picture(_ number: Int) -> String { "\(path)/picture-\(number).png" }
}

/// Captions random pictures through a world.
struct BenchWorld {
    private static let prompt = "caption en"
    private static let pollMilliseconds = 500
    private static let patience = Duration.seconds(2)

    private let settings: BenchSettings
    private let folder: BenchFolder

    init(_ settings: BenchSettings, _ folder: BenchFolder) {
        self.settings = settings
        self.folder = folder
    }

    /// - Returns: what the ranks reported.
    func run(_ command: WorldCommand) throws -> BenchReport {
        var signals = Signals()
        defer { signals.restore() }
        let pictures = (0..<settings.pictures).map(folder.picture)
        for (number, path) in pictures.enumerated() { try PNGWriter.write(RandomPicture.draw(number), to: path) }
        let queue = try SQLiteQueue(path: folder.queue, create: true)
        let jobs = PictureJobs(
            paths: pictures, prompt: Self.prompt, defaults: JobDefaults(maxTokens: settings.newTokens))
        _ = try Submission(of: jobs, to: queue, Submission.Manner())

        let ranks = settings.world.plan.ranks
        Talk.say(
            "captioning \(settings.pictures == 1 ? "1 picture" : "\(settings.pictures) pictures") of "
                + "\(settings.model.configuration.vision.imageSize) px with "
                + (ranks == 1 ? "one process" : "\(ranks) ranks"))
        let (start, busyBefore) = (ContinuousClock.now, LocalMachine.busySeconds)
        let end = try follow(WorldProcess(command) { Talk.say($0) }, queue, &signals)
        let seconds = (ContinuousClock.now - start).inSeconds
        let busy = LocalMachine.busySeconds - busyBefore
        try check(end, queue)
        return try BenchReport(
            path: folder.report, processSeconds: seconds, busySeconds: busy, tokens: Self.tokens(queue))
    }

    /// Waits for the world's end and shows how far it is; a ^C ends it at once, for half a measurement is none.
    private func follow(
        _ world: WorldProcess, _ queue: SQLiteQueue, _ signals: inout Signals
    ) throws -> ProcessEnd {
        var progress = Progress()
        var interruption: (signal: Int32, deadline: ContinuousClock.Instant)?
        while true {
            if let end = world.poll() {
                progress.end()
                if let interruption { throw ExitStatus.signal(interruption.signal) }
                return end
            }
            if Talk.isTerminal, let counts = try? queue.counts() { progress.show(counts) }
            if let interruption, interruption.deadline < .now { world.destroy() }
            if let signal = signals.next(within: Self.pollMilliseconds), signal != SIGCHLD {
                interruption = interruption ?? (signal, .now + Self.patience)
                world.stop()
            }
        }
    }

    private func check(_ end: ProcessEnd, _ queue: SQLiteQueue) throws {
        let counts = try queue.counts()
        guard counts.done < counts.total else { return }
        var reason = ""
        try queue.forEachResult(sorted: false) { result in
            if case .failed(let failure, _) = result.outcome { reason = ": " + failure.message }
        }
        if counts.outstanding == 0 {
            throw CommandFailure(.internalFault, "\(counts.failed) of \(counts.total) pictures failed\(reason)")
        }
        let cause = RunSession.failure(of: WorldEnd(end), outstanding: counts.outstanding)
        throw CommandFailure(cause.status, "the world ended before its work, see above\(reason)")
    }

    /// Tokens of all answers together.
    private static func tokens(_ queue: SQLiteQueue) throws -> Int {
        var count = 0
        try queue.forEachResult(sorted: false) { result in
            if case .answered(let answer) = result.outcome { count += answer.tokens.count }
        }
        return count
    }
}

/// Pictures that nobody ever took: rectangles in colours of chance. The same number is the same picture.
enum RandomPicture {
    private static let (width, height, rectangles) = (640, 480, 40)

    static func draw(_ number: Int) -> RGBImage {
        var random = SystemIndependentRandom(state: UInt64(number))
        var pixels = [UInt8](repeating: 0, count: width * height * 3)
        for _ in 0..<rectangles {
            let columns = range(below: width, &random)
            let rows = range(below: height, &random)
            let color = (0..<3).map { _ in UInt8.random(in: 0...255, using: &random) }
            for row in rows {
                for column in columns {
                    for channel in 0..<3 { pixels[(row * width + column) * 3 + channel] = color[channel] }
                }
            }
        }
        return RGBImage(width: width, height: height, pixels: pixels)
    }

    private static func range(below end: Int, _ random: inout some RandomNumberGenerator) -> Range<Int> {
        let (one, other) = (Int.random(in: 0...end, using: &random), Int.random(in: 0...end, using: &random))
        return min(one, other)..<max(one, other)
    }

    /// Knuth's MMIX congruential generator; the high bits are good enough for colours.
    private struct SystemIndependentRandom: RandomNumberGenerator {
        var state: UInt64

        mutating func next() -> UInt64 {
            func step() -> UInt64 {
                state = state &* 6_364_136_223_846_793_005 &+ 1_442_695_040_888_963_407
                return state >> 32
            }
            return step() << 32 | step()
        }
    }
}
