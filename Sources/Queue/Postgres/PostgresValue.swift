/// A value on its way to the server, in PostgreSQL's binary form: nothing is quoted, nothing loses a bit.
enum PostgresValue {
    case null
    case integer(Int64)
    case real(Double)
    case flag(Bool)
    case text(String)
    case bytes([UInt8])
    case integers([Int64])
    case texts([String])

    static func integer(_ number: Int) -> PostgresValue { .integer(Int64(number)) }
    static func textOrNull(_ text: String?) -> PostgresValue { text.map(PostgresValue.text) ?? .null }

    /// The type's number in pg_type; 0 lets the server find out.
    var type: UInt32 {
        switch self {
        case .null: 0
        case .integer: 20
        case .real: 701
        case .flag: 16
        case .text: 25
        case .bytes: 17
        case .integers: 1016
        case .texts: 1009
        }
    }

    /// Nil for null.
    var encoded: [UInt8]? {
        switch self {
        case .null: nil
        case .integer(let number): Self.bigEndian(number)
        case .real(let number): Self.bigEndian(number.bitPattern)
        case .flag(let flag): [flag ? 1 : 0]
        case .text(let text): Array(PostgresText.encode(text).utf8)
        case .bytes(let bytes): bytes
        case .integers(let numbers): Self.array(of: 20, numbers) { Self.bigEndian($0) }
        case .texts(let texts): Self.array(of: 25, texts) { Array(PostgresText.encode($0).utf8) }
        }
    }

    private static func bigEndian(_ number: some FixedWidthInteger) -> [UInt8] {
        withUnsafeBytes(of: number.bigEndian) { Array($0) }
    }

    /// One dimension, no nulls: the header, then length and bytes of each element.
    private static func array<Element>(
        of type: Int32, _ elements: [Element], _ encode: (Element) -> [UInt8]
    ) -> [UInt8] {
        var bytes = [Int32(elements.isEmpty ? 0 : 1), 0, type].flatMap { bigEndian($0) }
        if !elements.isEmpty { bytes += bigEndian(Int32(elements.count)) + bigEndian(Int32(1)) }
        for element in elements {
            let encoded = encode(element)
            bytes += bigEndian(Int32(encoded.count))
            bytes += encoded
        }
        return bytes
    }
}

/// The encoding of texts in PostgreSQL, which stores every character but U+0000: that is written as two characters of a
/// private-use plane. All other texts stay as they are.
package enum PostgresText {
    private static let mark: Unicode.Scalar = "\u{10FFFD}"

    package static func encode(_ text: String) -> String {
        guard text.unicodeScalars.contains(where: { $0 == "\0" || $0 == mark }) else { return text }
        var encoded = String.UnicodeScalarView()
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\0": encoded.append(contentsOf: [mark, "0"])
            case mark: encoded.append(contentsOf: [mark, "1"])
            default: encoded.append(scalar)
            }
        }
        return String(encoded)
    }

    package static func decode(_ text: String) -> String {
        guard text.unicodeScalars.contains(mark) else { return text }
        var decoded = String.UnicodeScalarView()
        var isMarked = false
        for scalar in text.unicodeScalars {
            if isMarked {
                decoded.append(scalar == "0" ? "\0" : mark)
                isMarked = false
            } else if scalar == mark {
                isMarked = true
            } else {
                decoded.append(scalar)
            }
        }
        return String(decoded)
    }
}
