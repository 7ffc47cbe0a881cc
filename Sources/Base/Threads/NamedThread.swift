import Foundation

extension Thread {
    /// Starts a thread that stacks and `top` show by its name.
    ///
    /// - Parameters:
    ///   - name: at most 15 bytes, or the kernel has not all of it.
    ///   - stackBytes: of its stack; nil for the system's own choice.
    package static func start(_ name: String, stackBytes: Int? = nil, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread {
            tellKernel(name)
            body()
        }
        if let stackBytes { thread.stackSize = stackBytes }
        thread.start()
    }

    /// What Foundation is told before a thread runs, or just then, does not reach the kernel.
    private static func tellKernel(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = name.withCString { write(file, $0, min(15, strlen($0))) }
        close(file)
    }
}
