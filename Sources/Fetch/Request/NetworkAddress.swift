import Glibc

/// The address of a peer, and whether it lies in the public internet.
package struct NetworkAddress: Equatable {
    /// 4 or 16 bytes, as they go over the wire.
    package let bytes: [UInt8]

    /// - Returns: nil for an address that is neither IPv4 nor IPv6.
    init?(_ address: UnsafePointer<sockaddr>, family: Int32) {
        switch family {
        case AF_INET:
            bytes = address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
                withUnsafeBytes(of: address.pointee.sin_addr) { Array($0) }
            }
        case AF_INET6:
            bytes = address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
                withUnsafeBytes(of: address.pointee.sin6_addr) { Array($0) }
            }
        default: return nil
        }
    }

    /// - Returns: nil where the text is no address in the usual notation.
    package init?(_ text: String) {
        var (four, six) = (in_addr(), in6_addr())
        if inet_pton(AF_INET, text, &four) == 1 {
            bytes = withUnsafeBytes(of: four) { Array($0) }
        } else if inet_pton(AF_INET6, text, &six) == 1 {
            bytes = withUnsafeBytes(of: six) { Array($0) }
        } else {
            return nil
        }
    }

    private init(bytes: ArraySlice<UInt8>) { self.bytes = Array(bytes) }

    /// Whether the address is reachable from everywhere: not of this host, a private or local network, a multicast
    /// group, a reserved or a translated block.
    package var isPublic: Bool {
        if bytes.count == 4 { return !Self.closed4.contains { matches($0.0, bits: $0.1) } }
        // ::ffff:0:0/96 are the addresses of IPv4 in another notation.
        if matches([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xFF, 0xFF], bits: 96) {
            return NetworkAddress(bytes: bytes[12...]).isPublic
        }
        return !Self.closed6.contains { matches($0.0, bits: $0.1) }
    }

    private func matches(_ prefix: [UInt8], bits: Int) -> Bool {
        for (index, expected) in prefix.enumerated() {
            let valid = min(8, bits - index * 8)
            if valid <= 0 { break }
            let mask = UInt8(truncatingIfNeeded: 0xFF00 >> valid)
            if bytes[index] & mask != expected & mask { return false }
        }
        return true
    }

    /// Blocks of IPv4 (RFC 6890 and the like).
    private static let closed4: [([UInt8], Int)] = [
        ([0], 8), ([10], 8), ([100, 64], 10), ([127], 8), ([169, 254], 16), ([172, 16], 12), ([192, 0, 0], 24),
        ([192, 0, 2], 24), ([192, 88, 99], 24), ([192, 168], 16), ([198, 18], 15), ([198, 51, 100], 24),
        ([203, 0, 113], 24), ([224], 3),
    ]

    /// Blocks of IPv6. ::/96 has the unspecified address, the host itself and the old form of IPv4 addresses; the
    /// blocks 64:ff9b::/96, 64:ff9b:1::/48, 2001::/32 and 2002::/16 have addresses of IPv4 inside.
    private static let closed6: [([UInt8], Int)] = [
        ([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0], 96), ([0, 0x64, 0xFF, 0x9B, 0, 0, 0, 0, 0, 0, 0, 0], 96),
        ([0, 0x64, 0xFF, 0x9B, 0, 1], 48), ([1, 0, 0, 0, 0, 0, 0, 0], 64), ([0x20, 0x01, 0, 0], 32),
        ([0x20, 0x01, 0x0D, 0xB8], 32), ([0x20, 0x02], 16), ([0xFC], 7), ([0xFE, 0x80], 10), ([0xFE, 0xC0], 10),
        ([0xFF], 8),
    ]
}
