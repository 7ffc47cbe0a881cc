import Foundation
import Synchronization

/// Faults on purpose, for tests: `PALIGEMMA_FAULT` names what goes wrong and where. Without it a place costs a look at a
/// constant.
///
///     kill:before-finish:3       SIGKILL just before this process tells the queue of its third answer
///     stop:after-lease:1         SIGSTOP
///     crash:before-prepare:bad   SIGSEGV as soon as a job whose id contains "bad" is to be prepared
///     crash:before-prepare:a|b   the same for any of several
///     hang:before-decode:2       the thread goes no further
///     memory:before-encode:1     takes memory until there is none
///     wait:PATH                  when a file PATH names the place, it becomes PATH.hit, and the thread waits until that
///                                is gone, 20 s at most; PATH.what then says what job it was at, and PATH.last the last
///                                place passed
package enum Fault {
    /// What jobs go through: `lease` to `release` are what the queue is told, `prepare` to `decode` are done by ranks.
    package enum Step: String, CaseIterable, Sendable {
        case lease, renew, finish, fail, release
        case prepare, encode, prefill, decode
        /// A tensor is taken out of the checkpoint.
        case load
    }

    private enum Action: String {
        case kill, stop, crash, hang, memory
    }

    private enum Plan {
        case act(Action, place: String, at: String)
        case wait(path: String, last: Int32)
    }

    private static let plan: Plan? = {
        let text = ProcessInfo.processInfo.environment["PALIGEMMA_FAULT"] ?? ""
        let parts = text.split(separator: ":", maxSplits: 2).map(String.init)
        if parts.count == 2, parts[0] == "wait" {
            return .wait(path: parts[1], last: open(parts[1] + ".last", O_WRONLY | O_CREAT | O_CLOEXEC, 0o666))
        }
        guard parts.count == 3, let action = Action(rawValue: parts[0]) else { return nil }
        return .act(action, place: parts[1], at: parts[2])
    }()

    private static let passed = Atomic<Int>(0)

    package static func before(_ step: Step, _ detail: @autoclosure () -> String = "") {
        if let plan { pass("before-" + step.rawValue, detail(), plan) }
    }

    package static func after(_ step: Step, _ detail: @autoclosure () -> String = "") {
        if let plan { pass("after-" + step.rawValue, detail(), plan) }
    }

    private static func pass(_ place: String, _ detail: String, _ plan: Plan) {
        switch plan {
        case .act(let action, let wanted, let moment):
            guard place == wanted else { return }
            let count = passed.wrappingAdd(1, ordering: .relaxed).newValue
            if Int(moment).map({ $0 == count }) ?? moment.split(separator: "|").contains(where: detail.contains) {
                act(action)
            }
        case .wait(let path, let last):
            let line = place + String(repeating: " ", count: max(0, 31 - place.utf8.count)) + "\n"
            _ = line.withCString { pwrite(last, $0, 32, 0) }
            guard let wanted = try? String(contentsOfFile: path, encoding: .utf8),
                wanted.trimmingCharacters(in: .whitespacesAndNewlines) == place,
                (try? detail.write(toFile: path + ".what", atomically: false, encoding: .utf8)) != nil,
                rename(path, path + ".hit") == 0
            else { return }
            for _ in 0..<4000 where access(path + ".hit", F_OK) == 0 { usleep(5000) }
        }
    }

    private static func act(_ action: Action) {
        switch action {
        case .kill: kill(getpid(), SIGKILL)
        case .stop: kill(getpid(), SIGSTOP)
        case .crash: raise(SIGSEGV)
        case .hang: while true { sleep(1000) }
        case .memory:
            let step = 64 << 20
            while true { memset(UnsafeMutableRawPointer.allocate(byteCount: step, alignment: 64), 1, step) }
        }
    }
}
