import CSpawn
import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// Starts other programs.
package enum ChildProcess {
    /// A program could not be started.
    package struct NotStarted: Error, CustomStringConvertible {
        package let description: String

        package init(_ description: String) { self.description = description }
    }

    /// Starts a program whose signals are all unblocked. (A child inherits the signal
    /// mask of the thread that starts it, and threads of a pool block some signals.)
    ///
    /// - Parameters:
    ///   - path: the program's file.
    ///   - environment: nil for this process's own.
    ///   - input: the descriptor of its standard input; nil for an empty one.
    ///   - output: the descriptor of its standard output.
    ///   - errors: the descriptor of its standard error.
    ///   - leadsGroup: whether it gets a process group of its own, so that a ^C on the terminal does not reach it.
    ///   - orphanSignal: the signal that the kernel sends it when the thread that called this ends; nil for none.
    ///   - memoryBytes: what it may map; nil for no limit.
    /// - Returns: the process. The caller must wait for its end with ``wait(for:)``.
    /// - Throws: where it cannot be started.
    package static func start(
        _ path: String, _ arguments: [String], environment: [String: String]? = nil, input: Int32? = nil, output: Int32,
        errors: Int32, leadsGroup: Bool = false, orphanSignal: Int32? = nil, memoryBytes: Int? = nil
    ) throws(NotStarted) -> pid_t {
        var options = pg_spawn_options(
            input: input ?? -1, output: output, errors: errors, leads_group: leadsGroup ? 1 : 0,
            orphan_signal: orphanSignal ?? 0, memory: memoryBytes ?? 0)
        let variables = (environment ?? ProcessEnvironment.variables).map { "\($0.key)=\($0.value)" }
        let process =
            ([path] + arguments).withTable { arguments in
                variables.withTable { variables in
                    withSystemPath(path) { pg_spawn($0, arguments, variables, &options) }
                }
            } ?? -EINVAL
        guard process > 0 else {
            throw NotStarted("\(path) could not be started: \(String(cString: strerror(-process)))")
        }
        return process
    }

    /// Waits for the end of a process, and removes it from the kernel's table.
    package static func wait(for process: pid_t) -> ProcessEnd {
        var status: Int32 = 0
        while waitpid(process, &status, 0) < 0, errno == EINTR {}
        return ProcessEnd(waitStatus: status)
    }

    /// Makes this process the new parent of descendants whose parents have died, so that it can find and end them.
    package static func adoptOrphans() { pg_adopt_orphans() }
}

extension [String] {
    /// Calls `body` with the strings as C has them: an array of pointers with null at its end.
    fileprivate func withTable<Value>(_ body: ([UnsafeMutablePointer<CChar>?]) -> Value) -> Value {
        let copies = map { text in
            (SystemText.bytes(of: text) + [0]).withUnsafeBytes { bytes in
                bytes.bindMemory(to: CChar.self).baseAddress.flatMap { strdup($0) }
            }
        }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
