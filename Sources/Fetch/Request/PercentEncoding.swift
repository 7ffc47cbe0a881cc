/// Percent-encoding (RFC 3986, section 2.1).
enum PercentEncoding {
    /// Encodes all bytes but letters, digits, `-._~` and, where it is kept, `/`: the encoding of Signature Version 4.
    static func strict(_ text: some StringProtocol, keepsSlash: Bool = false) -> String {
        var result: [UInt8] = []
        for byte in text.utf8 {
            let isKept = isUnreserved(byte) || (keepsSlash && byte == UInt8(ascii: "/"))
            if isKept { result.append(byte) } else { result += triplet(byte) }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Decodes triplets, and `+` as a space: the encoding of forms, in which object stores list their keys.
    ///
    /// - Returns: nil where a `%` is followed by no two hexadecimal digits, or the result is no UTF-8.
    static func decodedForm(_ text: String) -> String? {
        var result: [UInt8] = []
        var rest = Array(text.utf8)[...]
        while let byte = rest.popFirst() {
            if byte == UInt8(ascii: "%") {
                guard rest.count >= 2, let value = UInt8(String(decoding: rest.prefix(2), as: UTF8.self), radix: 16)
                else { return nil }
                rest.removeFirst(2)
                result.append(value)
            } else {
                result.append(byte == UInt8(ascii: "+") ? UInt8(ascii: " ") : byte)
            }
        }
        return String(validating: result, as: UTF8.self)
    }

    /// `%` and two hexadecimal digits in upper case.
    static func triplet(_ byte: UInt8) -> [UInt8] {
        let digits = Array("0123456789ABCDEF".utf8)
        return [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
    }

    private static func isUnreserved(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: "-._~".utf8.contains(byte)
        }
    }
}
