import Foundation

extension Thread {
    /// Starts a thread whose name the kernel knows, so that stack traces and `top` show it.
    ///
    /// - Parameters:
    ///   - name: at most 15 bytes; the kernel truncates a longer one.
    ///   - stackBytes: size of the stack in bytes; nil for the default of the system.
    package static func start(_ name: String, stackBytes: Int? = nil, _ body: @escaping @Sendable () -> Void) {
        let thread = Thread {
            setKernelName(name)
            body()
        }
        if let stackBytes { thread.stackSize = stackBytes }
        thread.start()
    }

    /// Sets the name of the calling thread in the kernel. The `name` of a Foundation thread does not get there.
    private static func setKernelName(_ name: String) {
        let file = open("/proc/thread-self/comm", O_WRONLY | O_CLOEXEC)
        guard file >= 0 else { return }
        _ = name.withCString { write(file, $0, min(15, strlen($0))) }
        close(file)
    }
}
