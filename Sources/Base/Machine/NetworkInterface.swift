import Foundation

#if canImport(Glibc)
    import Glibc
#endif

/// A network interface of this host with an IPv4 address.
package struct NetworkInterface: Equatable, Sendable {
    package let name: String
    /// "172.17.0.1/16"
    package let address: String
    /// Whether it is a bridge that container engines and hypervisors make, which has the same address on every host and leads to
    /// none of the others.
    package let isContainerBridge: Bool

    package init(name: String, address: String, isContainerBridge: Bool) {
        self.name = name
        self.address = address
        self.isContainerBridge = isContainerBridge
    }

    /// The interfaces of this host, without the loopback.
    package static var all: [NetworkInterface] {
        var first: UnsafeMutablePointer<ifaddrs>?
        guard getifaddrs(&first) == 0 else { return [] }
        defer { freeifaddrs(first) }
        var interfaces: [NetworkInterface] = []
        var next = first
        while let entry = next?.pointee {
            next = entry.ifa_next
            guard let address = entry.ifa_addr, Int32(address.pointee.sa_family) == AF_INET,
                entry.ifa_flags & UInt32(IFF_LOOPBACK) == 0
            else { continue }
            let name = String(cString: entry.ifa_name)
            interfaces.append(
                NetworkInterface(
                    name: name, address: text(of: address) + "/\(prefixLength(of: entry.ifa_netmask))",
                    isContainerBridge: isContainerBridge(
                        name, isBridge: FileSystem.exists("/sys/class/net/\(name)/bridge"))))
        }
        return interfaces
    }

    /// Returns whether a name is one that container engines and hypervisors give to their bridges.
    ///
    /// - Parameter isBridge: Whether the interface is a bridge.
    package static func isContainerBridge(_ name: String, isBridge: Bool) -> Bool {
        if ["docker0", "docker_gwbridge", "cni0", "cbr0", "lxcbr0", "lxdbr0", "virbr0", "podman0", "cni-podman0"]
            .contains(name)
        {
            return true
        }
        // br- and a dozen hexadecimal digits: a network of Docker's.
        let suffix = name.dropFirst(3)
        if isBridge, name.hasPrefix("br-"), suffix.utf8.count == 12, suffix.allSatisfy(\.isHexDigit) { return true }
        return isBridge && ["virbr", "podman", "cni-"].contains { name.hasPrefix($0) }
    }

    private static func text(of address: UnsafeMutablePointer<sockaddr>) -> String {
        var text = [CChar](repeating: 0, count: Int(INET_ADDRSTRLEN))
        address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
            _ = inet_ntop(AF_INET, &address.pointee.sin_addr, &text, socklen_t(text.count))
        }
        return String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    private static func prefixLength(of mask: UnsafeMutablePointer<sockaddr>?) -> Int {
        guard let mask else { return 32 }
        return mask.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { $0.pointee.sin_addr.s_addr.nonzeroBitCount }
    }
}
