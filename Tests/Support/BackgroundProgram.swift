import Foundation

/// A program that runs beside its test. Its standard input is empty, and its output goes to files, so that nobody has to
/// read while it writes.
package final class BackgroundProgram {
    private let process: Process
    private let outputPath: String
    private let errorsPath: String

    /// Starts the program with all signals unblocked: threads of a pool block some, and a child would inherit that.
    ///
    /// - Parameters:
    ///   - path: the program's file.
    ///   - environment: the whole of it.
    ///   - output: the path of the file for its standard output.
    ///   - errors: the same for its standard error; nil for the same file.
    /// - Throws: where the program cannot be started, or a file cannot be made.
    package init(
        _ path: String, _ arguments: [String], environment: [String: String], directory: String? = nil, output: String,
        errors: String? = nil
    ) throws {
        (outputPath, errorsPath) = (output, errors ?? output)
        let handle = try Self.emptyFile(output)
        let errorsHandle = try errors.map(Self.emptyFile) ?? handle
        process = try Self.start {
            let process = Process()
            process.executableURL = URL(fileURLWithPath: path)
            process.arguments = arguments
            process.environment = environment
            if let directory { process.currentDirectoryURL = URL(fileURLWithPath: directory) }
            process.standardInput = FileHandle.nullDevice
            process.standardOutput = handle
            process.standardError = errorsHandle
            return process
        }
    }

    /// This process's environment without the software's own variables.
    package static var plainEnvironment: [String: String] {
        ProcessInfo.processInfo.environment.filter { !$0.key.hasPrefix("PALIGEMMA_") }
    }

    package var id: pid_t { process.processIdentifier }
    package var isRunning: Bool { process.isRunning }
    /// What it has written to its standard output until now.
    package var output: String { TextFile.read(outputPath) ?? "" }
    /// What it has written to its standard error until now.
    package var errors: String { TextFile.read(errorsPath) ?? "" }

    package func signal(_ number: Int32) { kill(id, number) }

    /// Waits for the end of the program.
    ///
    /// - Returns: its exit code.
    @discardableResult
    package func wait() -> Int32 {
        process.waitUntilExit()
        return process.terminationStatus
    }

    private static func emptyFile(_ path: String) throws -> FileHandle {
        let url = URL(fileURLWithPath: path)
        try Data().write(to: url)
        return try FileHandle(forWritingTo: url)
    }

    /// Starts what `make` makes. A program that was just written is busy (ETXTBSY) while a child that another test starts at
    /// the same moment still holds its file open for writing, and is tried again then.
    private static func start(_ make: () -> Process) throws -> Process {
        for _ in 0..<100 {
            let process = make()
            do {
                try withSignalsUnblocked { try process.run() }
                return process
            } catch let error as CocoaError where isBusy(error) {
                usleep(20_000)
            }
        }
        let process = make()
        try withSignalsUnblocked { try process.run() }
        return process
    }

    private static func isBusy(_ error: CocoaError) -> Bool {
        (error.userInfo[NSUnderlyingErrorKey] as? NSError)?.code == Int(ETXTBSY)
    }

    private static func withSignalsUnblocked(_ body: () throws -> Void) rethrows {
        var none = sigset_t()
        var before = sigset_t()
        sigemptyset(&none)
        pthread_sigmask(SIG_SETMASK, &none, &before)
        defer { pthread_sigmask(SIG_SETMASK, &before, nil) }
        try body()
    }
}
