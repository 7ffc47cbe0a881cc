import Foundation
import TestSupport
import Testing

/// Units are verified, none is started; `cluster/systemd/try` has a systemd of its own.
@Suite("Services of systemd", .timeLimit(.minutes(15)))
struct SystemdTests {
    /// Returns what systemd says of a unit whose programs are those of this build.
    private func faults(ofUnit name: String, _ change: (String) -> String = { $0 }) throws -> String {
        let folder = try TemporaryFolder()
        let text = try Recipes.text(of: "cluster/systemd/" + name)
            .replacingOccurrences(of: "ExecStart=paligemma", with: "ExecStart=\(Programs.paligemma)")
        let path = try folder.write(change(text), to: name)
        let outcome = try Programs.run("systemd-analyze", ["verify", "--man=no", path])
        // Other units of the system are read too.
        return outcome.errors.split(separator: "\n").filter { $0.contains(name) || $0.contains(folder.path) }
            .joined(separator: "\n")
    }

    @Test("systemd takes the units", arguments: ["pg-worker.service", "paligemma-serve.service"])
    func units(name: String) throws {
        #expect(try faults(ofUnit: name).isEmpty)
    }

    @Test(
        "A unit with an unknown key or a wrong value is noticed",
        arguments: [
            ("KillMode=mixed", "KillMod=mixed"), ("TimeoutStopSec=", "TimeoutStopSec=soon "), ("UMask=0", "UMask=9"),
        ])
    func mistakes(right: String, wrong: String) throws {
        let faults = try faults(ofUnit: "paligemma-serve.service") { $0.replacingOccurrences(of: right, with: wrong) }
        #expect(!faults.isEmpty)
    }

    @Test("Stopping may take longer than draining does by default")
    func stopping() throws {
        func seconds(_ name: String) throws -> Int? {
            try Recipes.text(of: "cluster/systemd/" + name).firstMatch(of: /TimeoutStopSec=([0-9]+)/).flatMap {
                Int($0.1)
            }
        }
        // --drain-timeout and --request-timeout.
        #expect(try #require(try seconds("pg-worker.service")) > 120)
        #expect(try #require(try seconds("paligemma-serve.service")) > 600)
    }

    @Test("The service tells its manager when it listens and when it stops", arguments: [true, false])
    func notifications(isAbstract: Bool) throws {
        let folder = try TemporaryFolder()
        // A path is for a short folder, since a socket's name has 107 bytes.
        let name = (isAbstract ? "@" : "/tmp/") + "paligemma-notify-\(UUID().uuidString)"
        let manager = try ManagerSocket(name)
        let service = try BackgroundProgram(
            Programs.paligemma, ["serve", "--port", "0", "--queue", folder.file("jobs.db")],
            environment: BackgroundProgram.plainEnvironment.merging(["NOTIFY_SOCKET": name]) { $1 },
            output: folder.file("output"), errors: folder.file("errors"))
        defer { service.signal(SIGKILL) }
        let ready = try #require(manager.receive(), "\(service.errors)")
        #expect(ready.hasPrefix("READY=1\nSTATUS=listening on http://127.0.0.1:"))
        #expect(service.errors.contains("listening on http://127.0.0.1:"))
        service.signal(SIGTERM)
        #expect(manager.receive() == "STOPPING=1\nSTATUS=answering the requests that were taken\n")
        #expect(service.wait() == 0)
        #expect(manager.receive(within: 0) == nil)
    }

    @Test(
        "A manager that is gone, or a name that is none, does not keep the service from listening",
        arguments: [
            "/nowhere/socket", "@" + String(repeating: "x", count: 200), "relative", "", "@", "@nobody-listens-here",
        ])
    func absent(name: String) throws {
        let folder = try TemporaryFolder()
        let service = try BackgroundProgram(
            Programs.paligemma, ["serve", "--port", "0", "--queue", folder.file("jobs.db")],
            environment: BackgroundProgram.plainEnvironment.merging(["NOTIFY_SOCKET": name]) { $1 },
            output: folder.file("output"), errors: folder.file("errors"))
        defer { service.signal(SIGKILL) }
        try Wait.until("the service listens") { service.errors.contains("listening on") || !service.isRunning }
        service.signal(SIGTERM)
        #expect(service.wait() == 0, "\(service.errors)")
    }
}

/// The socket that a service manager listens on.
private final class ManagerSocket {
    private let descriptor: Int32
    private let path: String?

    init(_ name: String) throws {
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        path = name.hasPrefix("/") ? name : nil
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        let bytes = path == nil ? [0] + Array(name.utf8.dropFirst()) : Array(name.utf8) + [0]
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: bytes) }
        let length = socklen_t(MemoryLayout<sa_family_t>.size + bytes.count)
        let bound = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { bind(descriptor, $0, length) }
        }
        try #require(bound == 0)
    }

    deinit {
        close(descriptor)
        if let path { unlink(path) }
    }

    /// Returns the next message; nil where none comes.
    func receive(within seconds: Int = 60) -> String? {
        var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
        guard poll(&event, 1, Int32(seconds * Sanitizer.slowness * 1000)) > 0 else { return nil }
        var buffer = [UInt8](repeating: 0, count: 4096)
        let count = recv(descriptor, &buffer, buffer.count, 0)
        return count >= 0 ? String(decoding: buffer[..<count], as: UTF8.self) : nil
    }
}
