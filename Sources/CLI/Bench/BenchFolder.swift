import Base
import Foundation

/// A folder for one measurement; gone with this object.
final class BenchFolder {
    let path: String

    init() throws(CommandFailure) {
        path = NSTemporaryDirectory() + "paligemma-bench-" + UUID().uuidString
        do {
            try FileSystem.makeFolder(path)
        } catch {
            throw CommandFailure(.environment, "cannot make the folder \(path): \(error.localizedDescription)")
        }
    }

    deinit { FileSystem.removeTree(path) }

    var queue: String { path + "/queue.db" }
    var timeline: String { path + "/timeline.json" }
    var report: String { path + "/report.json" }
    func picture(_ number: Int) -> String { "\(path)/picture-\(number).png" }
}
