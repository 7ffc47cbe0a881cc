import Foundation
import Synchronization

/// Faults on purpose, for tests: `PALIGEMMA_FAULT` names the action, the place and the moment. Without the variable a
/// switch costs one comparison with a constant.
///
///     kill:before-finish:3       SIGKILL just before this process writes its third result to the queue
///     stop:after-lease:1         SIGSTOP
///     crash:before-prepare:bad   SIGSEGV as soon as a job whose id contains "bad" is to be prepared
///     crash:before-prepare:a|b   the same for any of several ids
///     hang:before-decode:2       the thread never continues
///     memory:before-encode:1     allocates memory until there is none
///     wait:PATH                  the thread that reaches the place whose name is in the file PATH renames the file to
///                                PATH.hit and waits until that is gone, 20 s at most; PATH.what then holds the detail
///                                of the place (a job's id, a tensor's name), and PATH.last the last place reached
package enum FaultSwitch {
    /// The steps that have a switch before and after them. `lease` to `release` are operations on the queue, `prepare`
    /// to `decode` are the work of ranks, `write` is that of `paligemma`.
    package enum Step: String, CaseIterable, Sendable {
        case lease, renew, finish, fail, release
        case prepare, encode, prefill, decode
        /// A tensor is taken out of the checkpoint.
        case load
        /// Results get their place in an output of whole files.
        case write
    }

    /// What `PALIGEMMA_FAULT` says: an action, and up to two arguments of it.
    package struct Setting: Sendable {
        package let action: String
        /// The last may contain colons.
        package let arguments: [String]

        init?(_ text: String) {
            let parts = text.split(separator: ":", maxSplits: 2).map(String.init)
            guard parts.count > 1 else { return nil }
            action = parts[0]
            arguments = Array(parts.dropFirst())
        }
    }

    /// The fault that this process was started with; nil for none.
    package static let setting = Setting(ProcessEnvironment.variables["PALIGEMMA_FAULT"] ?? "")

    private enum Action: String {
        case kill, stop, crash, hang, memory
    }

    private enum Plan {
        case act(Action, place: String, moment: String)
        /// `last`: an open file that takes the name of each place.
        case wait(path: String, last: Int32)
    }

    private static let plan: Plan? = {
        guard let setting else { return nil }
        let arguments = setting.arguments
        if setting.action == "wait", arguments.count == 1 {
            return .wait(path: arguments[0], last: open(arguments[0] + ".last", O_WRONLY | O_CREAT | O_CLOEXEC, 0o666))
        }
        guard let action = Action(rawValue: setting.action), arguments.count == 2 else { return nil }
        return .act(action, place: arguments[0], moment: arguments[1])
    }()

    /// How often this process has reached the place of the plan.
    private static let hits = Atomic<Int>(0)

    /// Marks the place before a step.
    ///
    /// - Parameter detail: what the step works on, for a plan that names it.
    package static func before(_ step: Step, _ detail: @autoclosure () -> String = "") {
        if let plan { reach("before-" + step.rawValue, detail(), plan) }
    }

    /// Marks the place after a step.
    ///
    /// - Parameter detail: what the step worked on, for a plan that names it.
    package static func after(_ step: Step, _ detail: @autoclosure () -> String = "") {
        if let plan { reach("after-" + step.rawValue, detail(), plan) }
    }

    private static func reach(_ place: String, _ detail: String, _ plan: Plan) {
        switch plan {
        case .act(let action, let wanted, let moment):
            guard place == wanted else { return }
            let count = hits.wrappingAdd(1, ordering: .relaxed).newValue
            if Int(moment).map({ $0 == count }) ?? moment.split(separator: "|").contains(where: detail.contains) {
                perform(action)
            }
        case .wait(let path, let last):
            // Padded to one size, so that a shorter name overwrites a longer one.
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

    private static func perform(_ action: Action) {
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
