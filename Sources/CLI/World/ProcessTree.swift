import Base
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// The processes that descend from this one, as the kernel lists them. With orphans adopted (`ChildProcess/adoptOrphans()`) none of
/// a world's processes on this host escapes, also when its launcher is gone.
struct ProcessTree {
    struct Entry {
        let id: pid_t
        let parent: pid_t
        /// R, S, D, T (stopped), Z (dead, not yet reaped), …
        let state: Character
        var isAlive: Bool { state != "Z" && state != "X" }
    }

    let descendants: [Entry]

    init(of root: pid_t = getpid()) {
        let names = (try? FileSystem.names(in: "/proc")) ?? []
        let all = names.compactMap { pid_t($0).flatMap(Self.entry) }
        let children = Dictionary(grouping: all, by: \.parent)
        var (found, next): ([Entry], [pid_t]) = ([], [root])
        while let parent = next.popLast() {
            let own = children[parent] ?? []
            found += own
            next += own.map(\.id)
        }
        descendants = found
    }

    private static func entry(_ id: pid_t) -> Entry? {
        let data = contents(of: "stat", id)
        // The program's name, in parentheses, may hold spaces and parentheses.
        let text = String(decoding: data, as: UTF8.self)
        guard let end = text.lastIndex(of: ")") else { return nil }
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 2, let state = fields[0].first, let parent = pid_t(fields[1]) else { return nil }
        return Entry(id: id, parent: parent, state: state)
    }

    /// The environment that a process was started with; empty where it cannot be read.
    static func environment(of id: pid_t) -> [String: String] {
        let data = contents(of: "environ", id)
        var variables: [String: String] = [:]
        for entry in data.split(separator: 0) {
            let parts = String(decoding: entry, as: UTF8.self).split(separator: "=", maxSplits: 1)
            if parts.count == 2 { variables[String(parts[0])] = String(parts[1]) }
        }
        return variables
    }

    /// Returns what the kernel has about a process; nothing about a dead one. (FileManager.contents leaks 4 KiB with
    /// every empty file.)
    private static func contents(of name: String, _ id: pid_t) -> Data {
        FileSystem.data(of: "/proc/\(id)/\(name)") ?? Data()
    }

    /// Kills every descendant and waits until it is gone, at most for `timeout`.
    ///
    /// - Parameter launcher: a child that somebody else waits for.
    static func destroyAll(except launcher: pid_t? = nil, timeout: Duration = .seconds(3)) {
        let deadline = ContinuousClock.now + timeout
        while ContinuousClock.now < deadline {
            let alive = ProcessTree().descendants.filter(\.isAlive)
            if alive.isEmpty { break }
            for entry in alive { kill(entry.id, SIGKILL) }
            usleep(10_000)
            reapOrphans(except: launcher)
        }
        reapOrphans(except: launcher)
    }

    /// Waits for adopted processes that are dead, so that the kernel forgets them.
    static func reapOrphans(except launcher: pid_t?) {
        let dead = ProcessTree().descendants.filter { !$0.isAlive && $0.parent == getpid() && $0.id != launcher }
        for entry in dead {
            var status: Int32 = 0
            waitpid(entry.id, &status, WNOHANG)
        }
    }
}
