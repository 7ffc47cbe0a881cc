import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A program of the system that does one thing for us and ends.
struct ExternalProgram {
    /// How it ended.
    struct Outcome {
        /// Its exit code, or minus the signal that killed it.
        let status: Int32
        /// The last of what it said on its standard error.
        let talk: String
    }

    /// It ran for longer than it was given.
    struct TimedOut: Error {}

    private static let pollMilliseconds: Int32 = 200
    private static let mostTalk = 4096
    private let path: String

    /// Nil where no folder of PATH has it.
    init?(named name: String) {
        let folders = (ProcessInfo.processInfo.environment["PATH"] ?? "/usr/local/bin:/usr/bin:/bin").split(
            separator: ":")
        guard let folder = folders.first(where: { access("\($0)/\(name)", X_OK) == 0 }) else { return nil }
        path = "\(folder)/\(name)"
    }

    /// Runs it to its end.
    ///
    /// - Parameters:
    ///   - limit: seconds, after which it is killed.
    ///   - onWait: called now and then, whether it says something or not.
    ///   - onOutput: takes what it writes to its standard output, as it comes; an error ends it.
    /// - Throws: `TimedOut`, what `onOutput` throws, or Foundation's error where it cannot be started.
    func run(
        _ arguments: [String], limit: Double, onWait: () -> Void, onOutput: (UnsafeRawBufferPointer) throws -> Void
    ) throws -> Outcome {
        let process = Process()
        let (output, talk) = (Pipe(), Pipe())
        process.executableURL = URL(fileURLWithPath: path)
        process.arguments = arguments
        process.standardInput = FileHandle.nullDevice
        process.standardOutput = output
        process.standardError = talk
        try process.run()
        var said: [UInt8] = []
        do {
            try Self.read(
                from: [output, talk].map(\.fileHandleForReading.fileDescriptor), limit: limit, onWait: onWait
            ) { source, bytes in
                if source == 0 { return try onOutput(bytes) }
                said = (said + bytes).suffix(Self.mostTalk)
            }
        } catch {
            kill(process.processIdentifier, SIGKILL)
            process.waitUntilExit()
            throw error
        }
        process.waitUntilExit()
        let status = process.terminationStatus
        return Outcome(
            status: process.terminationReason == .exit ? status : -status,
            talk: String(decoding: said, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines))
    }

    /// Reads from all descriptors, whichever has something, until all have ended.
    private static func read(
        from descriptors: [Int32], limit: Double, onWait: () -> Void,
        take: (Int, UnsafeRawBufferPointer) throws -> Void
    ) throws {
        let deadline = DispatchTime.now() + limit
        var open = descriptors.map { pollfd(fd: $0, events: Int16(POLLIN), revents: 0) }
        try withUnsafeTemporaryAllocation(byteCount: 1 << 16, alignment: 16) { buffer in
            while open.contains(where: { $0.fd >= 0 }) {
                guard DispatchTime.now() < deadline else { throw TimedOut() }
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
