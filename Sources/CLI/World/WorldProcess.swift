import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A running world: mpirun, or pg-worker itself, in a process group of its own, so that a ^C on the terminal reaches
/// only us, and we say what it means.
final class WorldProcess {
    let processID: pid_t
    private let outputReader: Thread
    private let outputEnd = DispatchSemaphore(value: 0)

    /// How a process ended.
    enum End: Equatable {
        case exited(Int32)
        case killed(signal: Int32)
    }

    /// Starts `command`. What it says, on either of its outputs, goes to `onLine`, from another thread.
    init(_ command: WorldCommand, onLine: @escaping @Sendable (String) -> Void) throws(CommandFailure) {
        var ends: [Int32] = [0, 0]
        guard pipe(&ends) == 0 else { throw Self.cannotStart(command, errno) }
        for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        let (readEnd, writeEnd) = (ends[0], ends[1])
        defer { close(writeEnd) }
        do throws(CommandFailure) {
            processID = try Self.spawn(command, output: writeEnd)
        } catch {
            close(readEnd)
            throw error
        }
        let outputEnd = outputEnd
        outputReader = Thread {
            var talk = LauncherTalk()
            Self.forEachLine(of: readEnd) { line in talk.linesToShow(after: line).forEach(onLine) }
            talk.linesAtEnd().forEach(onLine)
            close(readEnd)
            outputEnd.signal()
        }
        outputReader.start()
    }

    /// Finish what is in flight, or give it back, and end.
    func drain() { kill(processID, SIGUSR1) }

    /// End now; mpirun passes it on to the ranks.
    func stop() { kill(-processID, SIGTERM) }

    func destroy() { kill(-processID, SIGKILL) }

    /// How the world ended; nil while it runs. To be asked until it says so, and not again.
    func poll() -> End? {
        var status: Int32 = 0
        guard waitpid(processID, &status, WNOHANG) == processID else { return nil }
        // Whatever was said before the end is heard; a grandchild that holds the pipe open is not waited for.
        _ = outputEnd.wait(timeout: .now() + 2)
        let signal = status & 0x7F
        return signal == 0 ? .exited((status >> 8) & 0xFF) : .killed(signal: signal)
    }

    private static func spawn(_ command: WorldCommand, output: Int32) throws(CommandFailure) -> pid_t {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, output, STDERR_FILENO)

        // Our own blocked signals are not the world's.
        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var nothing = sigset_t()
        sigemptyset(&nothing)
        var everything = sigset_t()
        sigfillset(&everything)
        posix_spawnattr_setsigmask(&attributes, &nothing)
        posix_spawnattr_setsigdefault(&attributes, &everything)
        posix_spawnattr_setpgroup(&attributes, 0)
        posix_spawnattr_setflags(
            &attributes, Int16(POSIX_SPAWN_SETPGROUP | POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        var arguments = ([command.executable] + command.arguments).map { strdup($0) } + [nil]
        var environment = command.environment.map { strdup("\($0.key)=\($0.value)") } + [nil]
        defer { for string in arguments + environment { free(string) } }
        var processID: pid_t = 0
        let code = posix_spawn(&processID, command.executable, &actions, &attributes, &arguments, &environment)
        guard code == 0 else { throw cannotStart(command, code) }
        return processID
    }

    private static func forEachLine(of descriptor: Int32, _ body: (String) -> Void) {
        var pending: [UInt8] = []
        var buffer = [UInt8](repeating: 0, count: 1 << 14)
        while true {
            let count = read(descriptor, &buffer, buffer.count)
            if count < 0 && errno == EINTR { continue }
            if count <= 0 { break }
            pending += buffer[..<count]
            while let end = pending.firstIndex(of: 0x0A) {
                body(String(decoding: pending[..<end], as: UTF8.self))
                pending.removeFirst(end + 1)
            }
        }
        if !pending.isEmpty { body(String(decoding: pending, as: UTF8.self)) }
    }

    private static func cannotStart(_ command: WorldCommand, _ number: Int32) -> CommandFailure {
        CommandFailure(.environment, "cannot start \(command.executable): \(String(cString: strerror(number)))")
    }
}
