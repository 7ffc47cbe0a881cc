import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Another program that does one thing for us and ends.
package struct ExternalProgram {
    /// How it ended.
    package struct Outcome {
        /// Its exit code, or minus the signal that killed it.
        package let status: Int32
        /// The last of what it said on its standard error.
        package let talk: String
    }

    /// It ran for longer than it was given.
    package struct TimedOut: Error {}

    /// It could not be started.
    package struct NotStarted: Error, CustomStringConvertible {
        package let description: String
    }

    private static let pollMilliseconds: Int32 = 200
    private static let mostTalk = 4096
    /// One at a time: a pipe is only ours alone when it is marked so.
    private static let starting = Locked<Void>(())
    private let path: String

    package init(path: String) {
        self.path = path
    }

    /// Nil where no folder of PATH has it.
    package init?(named name: String) {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(
            separator: ":")
        guard let folder = folders.first(where: { access("\($0)/\(name)", X_OK) == 0 }) else { return nil }
        path = "\(folder)/\(name)"
    }

    /// Runs it to its end, with nothing on its standard input.
    ///
    /// - Parameters:
    ///   - environment: nil for ours.
    ///   - limit: seconds, after which it is killed.
    ///   - onWait: called now and then, whether it says something or not.
    ///   - onOutput: takes what it writes to its standard output, as it comes; an error ends it.
    /// - Throws: `TimedOut`, `NotStarted`, or what `onOutput` throws.
    package func run(
        _ arguments: [String], environment: [String: String]? = nil, limit: Double = .infinity,
        onWait: () -> Void = {}, onOutput: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Outcome {
        let (process, output, talk) = try Self.starting.withLock { _ in
            let (output, talk) = (try Pipe(), try Pipe())
            return (try start(arguments, environment, output: output, talk: talk), output, talk)
        }
        var said: [UInt8] = []
        do {
            try Self.read(from: [output, talk], limit: limit, onWait: onWait) { source, bytes in
                if source == 0 { return try onOutput(bytes) }
                said = (said + bytes).suffix(Self.mostTalk)
            }
        } catch {
            kill(process, SIGKILL)
            _ = Self.end(of: process)
            throw error
        }
        return Outcome(
            status: Self.end(of: process),
            talk: String(decoding: said, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// With all signals free: a pool's threads block some, and a child inherits that.
    private func start(
        _ arguments: [String], _ environment: [String: String]?, output: Pipe, talk: Pipe
    ) throws(NotStarted) -> pid_t {
        var (actions, attributes) = (posix_spawn_file_actions_t(), posix_spawnattr_t())
        posix_spawn_file_actions_init(&actions)
        posix_spawnattr_init(&attributes)
        defer {
            posix_spawn_file_actions_destroy(&actions)
            posix_spawnattr_destroy(&attributes)
        }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        posix_spawn_file_actions_adddup2(&actions, output.writing, STDOUT_FILENO)
        posix_spawn_file_actions_adddup2(&actions, talk.writing, STDERR_FILENO)
        var (none, all) = (sigset_t(), sigset_t())
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setflags(&attributes, Int16(POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF))

        let words = (environment ?? ProcessInfo.processInfo.environment).map { "\($0.key)=\($0.value)" }
        var process: pid_t = 0
        let failure = ([path] + arguments).withTable { arguments in
            words.withTable { posix_spawn(&process, path, &actions, &attributes, arguments, $0) }
        }
        output.closeWriting()
        talk.closeWriting()
        guard failure == 0 else {
            throw NotStarted(description: "\(path) could not be started: \(String(cString: strerror(failure)))")
        }
        return process
    }

    /// Waits for the end of a process, and buries it.
    private static func end(of process: pid_t) -> Int32 {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? (status >> 8) & 0xFF : -signal
    }

    /// Reads from all pipes, whichever has something, until all have ended.
    private static func read(
        from pipes: [Pipe], limit: Double, onWait: () -> Void, take: (Int, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let start = DispatchTime.now().uptimeNanoseconds
        var open = pipes.map { pollfd(fd: $0.reading, events: Int16(POLLIN), revents: 0) }
        try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            while open.contains(where: { $0.fd >= 0 }) {
                let seconds = Double(DispatchTime.now().uptimeNanoseconds - start) / 1e9
                guard seconds < limit else { throw TimedOut() }
                onWait()
                guard poll(&open, nfds_t(open.count), pollMilliseconds) > 0 else { continue }
                for index in open.indices where open[index].revents != 0 {
                    let count = Glibc.read(open[index].fd, buffer.baseAddress, buffer.count)
                    if count < 0 && errno == EINTR { continue }
                    // A negative descriptor is passed over.
                    if count <= 0 { open[index].fd = -1 } else { try take(index, .init(rebasing: buffer[..<count])) }
                }
            }
        }
    }
}

extension ExternalProgram {
    /// A pipe that no other child inherits; closed with this object.
    private final class Pipe: @unchecked Sendable {
        // @unchecked: one thread has it at a time.
        let reading: Int32
        private(set) var writing: Int32

        init() throws(NotStarted) {
            var ends: [Int32] = [-1, -1]
            guard pipe(&ends) == 0 else {
                throw NotStarted(description: "no pipe to another program: \(String(cString: strerror(errno)))")
            }
            (reading, writing) = (ends[0], ends[1])
            for end in ends { _ = fcntl(end, F_SETFD, FD_CLOEXEC) }
        }

        deinit {
            close(reading)
            closeWriting()
        }

        func closeWriting() {
            if writing >= 0 { close(writing) }
            writing = -1
        }
    }
}

extension [String] {
    /// Calls `body` with the strings as C has them: an array of pointers with null at its end.
    fileprivate func withTable<Value>(_ body: ([UnsafeMutablePointer<CChar>?]) -> Value) -> Value {
        let copies = map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
