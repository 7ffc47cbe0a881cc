/// SHA-1 (FIPS 180-4), by which git names files.
package enum SHA1 {
    package static func hexadecimal(of message: [UInt8]) -> String {
        var state: [UInt32] = [0x6745_2301, 0xefcd_ab89, 0x98ba_dcfe, 0x1032_5476, 0xc3d2_e1f0]
        var padded = message + [0x80]
        padded += [UInt8](repeating: 0, count: (120 - padded.count % 64) % 64)
        padded += (0..<8).map { UInt8(truncatingIfNeeded: (message.count * 8) >> (56 - 8 * $0)) }
        for start in stride(from: 0, to: padded.count, by: 64) {
            var words = (0..<16).map { index in
                (0..<4).reduce(UInt32(0)) { $0 << 8 | UInt32(padded[start + index * 4 + $1]) }
            }
            for t in 16..<80 { words.append(turned(words[t - 3] ^ words[t - 8] ^ words[t - 14] ^ words[t - 16], 1)) }
            var s = state
            for t in 0..<80 {
                let (f, k): (UInt32, UInt32) =
                    switch t {
                    case ..<20: (s[1] & s[2] | ~s[1] & s[3], 0x5a82_7999)
                    case ..<40: (s[1] ^ s[2] ^ s[3], 0x6ed9_eba1)
                    case ..<60: (s[1] & s[2] | s[1] & s[3] | s[2] & s[3], 0x8f1b_bcdc)
                    default: (s[1] ^ s[2] ^ s[3], 0xca62_c1d6)
                    }
                let next = turned(s[0], 5) &+ f &+ s[4] &+ k &+ words[t]
                s = [next, s[0], turned(s[1], 30), s[2], s[3]]
            }
            for index in 0..<5 { state[index] &+= s[index] }
        }
        return state.flatMap { word in (0..<8).map { String(word >> (28 - 4 * UInt32($0)) & 15, radix: 16) } }.joined()
    }

    /// The name that git gives a file.
    package static func gitBlob(_ bytes: [UInt8]) -> String {
        hexadecimal(of: Array("blob \(bytes.count)\0".utf8) + bytes)
    }

    private static func turned(_ word: UInt32, _ by: UInt32) -> UInt32 { word << by | word >> (32 - by) }
}
