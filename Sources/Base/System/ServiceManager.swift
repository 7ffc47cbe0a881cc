import Glibc

/// The service manager that started this process and wants to know how far it is: systemd with `Type=notify`.
///
/// It names a datagram socket in `NOTIFY_SOCKET`: a path, or `@` and a name of the abstract namespace. Each datagram is lines of
/// `NAME=value` (sd_notify(3)).
package enum ServiceManager {
    package enum State: String {
        /// The service answers.
        case ready = "READY=1"
        /// The service ends by itself, and does not answer any more.
        case stopping = "STOPPING=1"
    }

    /// Tells the service manager, where there is one.
    ///
    /// - Parameter status: What a person reads in the manager's list: a line.
    /// - Returns: Whether the manager has received it.
    @discardableResult
    package static func notify(_ state: State, status: String) -> Bool {
        guard let name = ProcessEnvironment.value(of: "NOTIFY_SOCKET") else { return false }
        return send("\(state.rawValue)\nSTATUS=\(status.prefix { $0 != "\n" })\n", to: name)
    }

    private static func send(_ message: String, to name: String) -> Bool {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        var path = SystemText.bytes(of: name)
        // An abstract name begins with a zero byte and ends with the address; a path ends with a zero byte.
        let isAbstract = path.first == UInt8(ascii: "@")
        if isAbstract { path[0] = 0 } else { path.append(0) }
        let capacity = MemoryLayout.size(ofValue: address.sun_path)
        guard path.count > 1, path.count <= capacity, isAbstract || path[0] == UInt8(ascii: "/") else { return false }
        withUnsafeMutableBytes(of: &address.sun_path) { $0.copyBytes(from: path) }
        let length = socklen_t(MemoryLayout<sockaddr_un>.size - capacity + path.count)

        let descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { return false }
        defer { close(descriptor) }
        let bytes = Array(message.utf8)
        let sent = withUnsafePointer(to: address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) {
                sendto(descriptor, bytes, bytes.count, Int32(MSG_NOSIGNAL), $0, length)
            }
        }
        return sent == bytes.count
    }
}
