import Base
import Foundation
import TestSupport
import Testing

@Suite("Programs that are run to their end", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct ExternalProgramTests {
    private func output(
        of command: String, in surroundings: ExternalProgram.Surroundings = .init()
    ) throws -> String {
        var text: [UInt8] = []
        let outcome = try ExternalProgram(path: "/bin/sh").run(["-c", command], in: surroundings) { text += $0 }
        #expect(outcome.succeeded)
        return String(decoding: text, as: UTF8.self)
    }

    @Test("A program gets the variables that it is given and no others")
    func environment() throws {
        var surroundings = ExternalProgram.Surroundings()
        surroundings.environment = ["PATH": "/usr/bin:/bin", "ONE": "1"]
        let names = try output(of: "env", in: surroundings).split(separator: "\n").compactMap {
            $0.split(separator: "=").first
        }
        // The shell adds some of its own.
        #expect(Set(names).subtracting(["PWD", "OLDPWD", "SHLVL", "_"]) == ["PATH", "ONE"])
    }

    @Test("A file without a name is a program's standard input, can be opened again, and is nowhere in the file system")
    func input() throws {
        let descriptor = try anonymousFile()
        defer { close(descriptor) }
        try Array("some bytes".utf8).withUnsafeBytes { try writeAll($0, to: descriptor) }
        var surroundings = ExternalProgram.Surroundings()
        surroundings.input = descriptor
        #expect(try output(of: "cat /proc/self/fd/0; cat /proc/self/fd/0", in: surroundings) == "some bytessome bytes")
        #expect(try output(of: "cat") == "")
    }

    @Test("A program may map only the memory that it is given")
    func memory() throws {
        var surroundings = ExternalProgram.Surroundings()
        surroundings.memoryBytes = 512 << 20
        #expect(try output(of: "ulimit -v", in: surroundings) == "\(512 << 10)\n")
    }

    @Test("The kernel ends a program when the thread that started it is gone")
    func orphan() throws {
        let process = Locked<pid_t?>(nil)
        let started = DispatchSemaphore(value: 0)
        Thread {
            let pipe = try? OutputPipe()
            if let pipe {
                let id = try? ChildProcess.start(
                    "/bin/sleep", ["1000"], output: pipe.writing, errors: pipe.writing, orphanSignal: SIGKILL)
                process.withLock { $0 = id }
            }
            started.signal()
        }.start()
        started.wait()
        let id = try #require(process.withLock { $0 })
        #expect(ChildProcess.wait(for: id) == .killed(signal: SIGKILL))
    }
}
