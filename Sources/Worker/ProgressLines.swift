import Coordinator
import Foundation
import WorkerInterface

/// Reports the progress of a world with a log line now and then. `paligemma run` has a progress bar instead.
struct ProgressLines {
    private static let interval = 30.0
    private var last = Date()

    mutating func update(_ progress: Coordinator.Progress) {
        guard -last.timeIntervalSinceNow >= Self.interval else { return }
        last = Date()
        Console.log("\(progress.answered) answered, \(progress.failed) failed")
    }

    func finish(_ progress: Coordinator.Progress, seconds: Double) {
        let rate = seconds > 0 ? Double(progress.pictures) / seconds : 0
        Console.log(
            "done: \(progress.answered) answered, \(progress.failed) failed in \(Self.text(seconds)) s"
                + (progress.pictures > 0 ? ", \(Self.text(rate)) pictures/s" : ""))
    }

    private static func text(_ value: Double) -> String { String(format: value < 10 ? "%.2f" : "%.1f", value) }
}
