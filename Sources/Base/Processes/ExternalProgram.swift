import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A program that is run to its end, while its output is read.
package struct ExternalProgram {
    /// How the program ended.
    package struct Outcome {
        package let end: ProcessEnd
        /// The last 4096 bytes of its standard error.
        package let errorText: String

        package var succeeded: Bool { end == .exited(0) }
    }

    /// The program ran for longer than its limit.
    package struct TimedOut: Error {}

    private static let pollMilliseconds: Int32 = 200
    private static let maximumErrorText = 4096
    private let path: String

    package init(path: String) {
        self.path = path
    }

    /// Finds the program in the folders of PATH; nil where none has it.
    package init?(named name: String) {
        let folders = (ProcessEnvironment.variables["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(
            separator: ":")
        guard let folder = folders.first(where: { FileSystem.isPermitted("\($0)/\(name)", X_OK) }) else { return nil }
        path = "\(folder)/\(name)"
    }

    /// What a program is given, and what it may take.
    package struct Surroundings {
        /// nil for this process's own.
        package var environment: [String: String]?
        /// The descriptor of its standard input; nil for an empty one.
        package var input: Int32?
        /// Bytes of memory that it may map; nil for no limit.
        package var memoryBytes: Int?
        /// Whether the kernel kills it when the thread that runs it is gone.
        package var diesWithCaller = false

        package init() {}
    }

    /// Runs the program to its end.
    ///
    /// - Parameters:
    ///   - limit: the seconds after which the program is killed.
    ///   - onWait: called about every 200 ms, whether the program writes something or not.
    ///   - onOutput: called with each piece of its standard output; where it throws, the program is killed.
    /// - Throws: `TimedOut`, ``ChildProcess/NotStarted``, or what `onOutput` throws.
    package func run(
        _ arguments: [String], in surroundings: Surroundings = Surroundings(), limit: Double = .infinity,
        onWait: () -> Void = {}, onOutput: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Outcome {
        let (output, errors) = (try OutputPipe(), try OutputPipe())
        let process = try ChildProcess.start(
            path, arguments, environment: surroundings.environment, input: surroundings.input, output: output.writing,
            errors: errors.writing, orphanSignal: surroundings.diesWithCaller ? SIGKILL : nil,
            memoryBytes: surroundings.memoryBytes)
        output.closeWriting()
        errors.closeWriting()
        var errorText: [UInt8] = []
        do {
            try Self.read(from: [output, errors], limit: limit, onWait: onWait) { source, bytes in
                if source == 0 { return try onOutput(bytes) }
                errorText = (errorText + bytes).suffix(Self.maximumErrorText)
            }
        } catch {
            kill(process, SIGKILL)
            _ = ChildProcess.wait(for: process)
            throw error
        }
        return Outcome(
            end: ChildProcess.wait(for: process),
            errorText: String(decoding: errorText, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// Reads from all pipes until each has ended.
    private static func read(
        from pipes: [OutputPipe], limit: Double, onWait: () -> Void, take: (Int, UnsafeRawBufferPointer) throws -> Void
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
                    // poll(2) ignores a negative descriptor.
                    if count <= 0 { open[index].fd = -1 } else { try take(index, .init(rebasing: buffer[..<count])) }
                }
            }
        }
    }
}
