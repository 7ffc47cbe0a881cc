import Foundation
import TestSupport

/// Where things are, and what the kernel knows of processes.
enum Tools {
    nonisolated(unsafe) static var programs =
        (try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")).map {
            ($0 as NSString).deletingLastPathComponent
        } ?? ".build/release"
    static var paligemma: String { programs + "/paligemma" }
    static var worker: String { programs + "/pg-worker" }
    static let repository = URL(fileURLWithPath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
        .deletingLastPathComponent().path
    static let fixtures = repository + "/Tests/Fixtures"
    nonisolated(unsafe) static var model = fixtures + "/goldens/grouped"

    /// Waits until something holds; false where it does not in time.
    static func wait(seconds: Double, until condition: () -> Bool) -> Bool {
        let deadline = DispatchTime.now() + seconds
        while true {
            if condition() { return true }
            if DispatchTime.now() > deadline { return false }
            usleep(3000)
        }
    }

    static func children(of id: pid_t) -> [pid_t] {
        let threads = (try? FileManager.default.contentsOfDirectory(atPath: "/proc/\(id)/task")) ?? []
        return threads.flatMap { thread in
            let text = TextFile.read("/proc/\(id)/task/\(thread)/children") ?? ""
            return text.split(separator: " ").compactMap { pid_t($0) }
        }
    }

    static func variable(_ name: String, of id: pid_t) -> String? {
        let text = TextFile.read("/proc/\(id)/environ") ?? ""
        let prefix = name + "="
        return text.split(separator: "\0").first { $0.hasPrefix(prefix) }.map { String($0.dropFirst(prefix.count)) }
    }

    static func isAlive(_ id: pid_t) -> Bool {
        guard let text = TextFile.read("/proc/\(id)/stat") else { return false }
        return !(text.split(separator: ")").last?.hasPrefix(" Z") ?? true)
    }

    static var leftInSharedMemory: Set<String> {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: "/dev/shm")) ?? []
        return Set(names.filter { $0.hasPrefix("vader_segment.") || $0.hasPrefix("osc_sm.") })
    }
}

/// How often what happened.
struct Histogram {
    private var counts: [String: Int] = [:]
    mutating func count(_ name: String) { counts[name, default: 0] += 1 }
    var total: Int { counts.values.reduce(0, +) }
    subscript(name: String) -> Int { counts[name] ?? 0 }
    var lines: [String] { counts.sorted { $0.key < $1.key }.map { "\($0.key.padded(18)) \($0.value)" } }
    var text: String { counts.sorted { $0.key < $1.key }.map { "\($0.key) \($0.value)" }.joined(separator: ", ") }
}

extension String {
    func padded(_ width: Int) -> String { padding(toLength: max(width, count), withPad: " ", startingAt: 0) }
}
