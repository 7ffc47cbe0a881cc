/// A JSON document whose strings are bytes.
///
/// A vocabulary holds pieces that differ and are yet equal to Swift's strings, which compare by canonical equivalence
/// ("Å" and the ångström sign): in a dictionary of strings one of the two would be lost.
package enum JSONTree {
    case object([(key: [UInt8], value: JSONTree)])
    case array([JSONTree])
    case string([UInt8])
    case number(Double)
    case bool(Bool)
    case null

    package struct SyntaxError: Error {
        /// Offset in bytes of what cannot be read.
        package let offset: Int
    }

    package init(_ bytes: [UInt8]) throws(SyntaxError) {
        var parser = JSONParser(bytes: bytes)
        self = try parser.document()
    }

    package subscript(_ key: StaticString) -> JSONTree? {
        guard case .object(let members) = self else { return nil }
        return members.first { $0.key.count == key.utf8CodeUnitCount && $0.key.holds(key) }?.value
    }

    package var elements: [JSONTree]? {
        guard case .array(let elements) = self else { return nil }
        return elements
    }

    package var members: [(key: [UInt8], value: JSONTree)]? {
        guard case .object(let members) = self else { return nil }
        return members
    }

    package var bytes: [UInt8]? {
        guard case .string(let bytes) = self else { return nil }
        return bytes
    }

    package var text: String? { bytes.map { String(decoding: $0, as: UTF8.self) } }

    package var integer: Int? {
        guard case .number(let number) = self else { return nil }
        return Int(exactly: number)
    }

    package var isTrue: Bool {
        guard case .bool(let value) = self else { return false }
        return value
    }
}

/// Reads JSON by recursive descent.
private struct JSONParser {
    let bytes: [UInt8]
    var position = 0
    /// Deepest nesting that is followed; the files read here have five levels.
    private static let deepest = 64

    init(bytes: [UInt8]) { self.bytes = bytes }

    mutating func document() throws(JSONTree.SyntaxError) -> JSONTree {
        let value = try value(depth: 0)
        skipSpace()
        guard position == bytes.count else { throw failure }
        return value
    }

    private var failure: JSONTree.SyntaxError { JSONTree.SyntaxError(offset: position) }

    private mutating func skipSpace() {
        while position < bytes.count, [0x20, 0x0A, 0x0D, 0x09].contains(bytes[position]) { position += 1 }
    }

    /// Skips space, then takes this byte if it is next.
    private mutating func take(_ byte: UInt8) -> Bool {
        skipSpace()
        guard position < bytes.count, bytes[position] == byte else { return false }
        position += 1
        return true
    }

    private mutating func take(word: StaticString) -> Bool {
        guard bytes.holds(word, at: position) else { return false }
        position += word.utf8CodeUnitCount
        return true
    }

    private mutating func value(depth: Int) throws(JSONTree.SyntaxError) -> JSONTree {
        guard depth < JSONParser.deepest else { throw failure }
        if take(0x7B) { return .object(try members(depth: depth)) }
        if take(0x5B) { return .array(try elements(depth: depth)) }
        if take(0x22) { return .string(try string()) }
        if take(word: "true") { return .bool(true) }
        if take(word: "false") { return .bool(false) }
        if take(word: "null") { return .null }
        return .number(try number())
    }

    private mutating func members(depth: Int) throws(JSONTree.SyntaxError) -> [(key: [UInt8], value: JSONTree)] {
        var members: [(key: [UInt8], value: JSONTree)] = []
        if take(0x7D) { return members }
        repeat {
            guard take(0x22) else { throw failure }
            let key = try string()
            guard take(0x3A) else { throw failure }
            members.append((key, try value(depth: depth + 1)))
        } while take(0x2C)
        guard take(0x7D) else { throw failure }
        return members
    }

    private mutating func elements(depth: Int) throws(JSONTree.SyntaxError) -> [JSONTree] {
        var elements: [JSONTree] = []
        if take(0x5D) { return elements }
        repeat { elements.append(try value(depth: depth + 1)) } while take(0x2C)
        guard take(0x5D) else { throw failure }
        return elements
    }

    private mutating func number() throws(JSONTree.SyntaxError) -> Double {
        let start = position
        while position < bytes.count, "+-.0123456789eE".utf8.contains(bytes[position]) { position += 1 }
        guard let number = Double(String(decoding: bytes[start..<position], as: UTF8.self)) else { throw failure }
        return number
    }

    /// The rest of a string whose first quote is read.
    private mutating func string() throws(JSONTree.SyntaxError) -> [UInt8] {
        var result: [UInt8] = []
        while position < bytes.count {
            let byte = bytes[position]
            position += 1
            switch byte {
            case 0x22: return result
            case 0x5C: try escape(into: &result)
            case 0x00..<0x20: throw failure
            default: result.append(byte)
            }
        }
        throw failure
    }

    private mutating func escape(into result: inout [UInt8]) throws(JSONTree.SyntaxError) {
        guard position < bytes.count else { throw failure }
        let letter = bytes[position]
        position += 1
        switch letter {
        case 0x22, 0x5C, 0x2F: result.append(letter)
        case UInt8(ascii: "b"): result.append(0x08)
        case UInt8(ascii: "f"): result.append(0x0C)
        case UInt8(ascii: "n"): result.append(0x0A)
        case UInt8(ascii: "r"): result.append(0x0D)
        case UInt8(ascii: "t"): result.append(0x09)
        case UInt8(ascii: "u"):
            var code = try hexadecimal()
            // A character beyond the first plane is written as two surrogates.
            if code & 0xFC00 == 0xD800, take(word: "\\u") {
                let low = try hexadecimal()
                guard low & 0xFC00 == 0xDC00 else { throw failure }
                code = 0x10000 + ((code & 0x3FF) << 10) + (low & 0x3FF)
            }
            guard let scalar = UnicodeScalar(code) else { throw failure }
            result.append(contentsOf: UTF8.encode(scalar) ?? .init())
        default: throw failure
        }
    }

    private mutating func hexadecimal() throws(JSONTree.SyntaxError) -> UInt32 {
        guard position + 4 <= bytes.count,
            let code = UInt32(String(decoding: bytes[position..<(position + 4)], as: UTF8.self), radix: 16)
        else { throw failure }
        position += 4
        return code
    }
}
