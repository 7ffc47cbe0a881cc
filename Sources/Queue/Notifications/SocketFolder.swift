import Base
import Foundation

/// A folder that is open, so that what is in it can be named by a path that is short: the name of a socket has room for 107
/// bytes, the path of a queue may be longer.
final class OpenFolder {
    let descriptor: Int32
    private let path: String

    /// Nil where there is none.
    init?(_ path: String) {
        let descriptor = FileSystem.open(path, O_RDONLY | O_DIRECTORY | O_CLOEXEC)
        guard descriptor >= 0 else { return nil }
        self.descriptor = descriptor
        self.path = path
    }

    deinit { Glibc.close(descriptor) }

    func names(withPrefix prefix: String) -> [String] {
        ((try? FileSystem.names(in: path)) ?? []).filter { $0.utf8.starts(with: prefix.utf8) }.sorted()
    }

    func remove(_ name: String) { unlinkat(descriptor, name, 0) }
}

/// The address of a socket in an open folder.
struct SocketName {
    private var address = sockaddr_un()
    // The path holds the number of the descriptor, so the folder stays open as long as the address is used.
    private let folder: OpenFolder

    /// Nil where the name does not fit.
    init?(folder: OpenFolder, name: String) {
        self.folder = folder
        let path = Array("/proc/self/fd/\(folder.descriptor)/\(name)".utf8)
        guard path.count < MemoryLayout.size(ofValue: address.sun_path) else { return nil }
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
    }

    func bind(_ descriptor: Int32) -> Bool {
        withPointer { Glibc.bind(descriptor, $0, $1) } == 0
    }

    /// Returns whether somebody has the socket open.
    var isListenedTo: Bool {
        let probe = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard probe >= 0 else { return true }
        defer { Glibc.close(probe) }
        return withPointer { connect(probe, $0, $1) } == 0 || errno != ECONNREFUSED
    }

    /// Sends a datagram; returns false where nobody will ever receive it.
    func send(_ bytes: [UInt8], with descriptor: Int32) -> Bool {
        let flags = Int32(MSG_DONTWAIT) | Int32(MSG_NOSIGNAL)
        let sent = withPointer { sendto(descriptor, bytes, bytes.count, flags, $0, $1) }
        return sent >= 0 || errno != ECONNREFUSED
    }

    private func withPointer<Result>(_ body: (UnsafePointer<sockaddr>, socklen_t) -> Result) -> Result {
        withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                body($0, socklen_t(MemoryLayout<sockaddr_un>.size))
            }
        }
    }
}
