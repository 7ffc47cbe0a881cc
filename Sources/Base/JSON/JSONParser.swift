extension JSON {
    /// What becomes of an object in which a key stands twice.
    package enum DuplicateKeys: Sendable {
        /// The text is refused.
        case refused
        /// All members are kept, in their order; ``JSON/subscript(_:)`` finds the first. For files that other programs wrote.
        case kept
    }

    /// Reads the one value that `bytes` hold, with white space around it at most.
    ///
    /// - Throws: ``SyntaxError`` where they hold anything else.
    package init(
        parsing bytes: some Collection<UInt8>, duplicateKeys: DuplicateKeys = .refused
    ) throws(SyntaxError) {
        func parse(_ bytes: UnsafeBufferPointer<UInt8>) -> Result<JSON, SyntaxError> {
            do throws(SyntaxError) {
                var parser = JSONParser(bytes: bytes, duplicateKeys: duplicateKeys)
                return .success(try parser.document())
            } catch {
                return .failure(error)
            }
        }
        let result = bytes.withContiguousStorageIfAvailable(parse) ?? Array(bytes).withUnsafeBufferPointer(parse)
        self = try result.get()
    }

    /// Reads the one value that a text holds, with white space around it at most.
    ///
    /// - Throws: ``SyntaxError`` where it holds anything else.
    package init(parsing text: String, duplicateKeys: DuplicateKeys = .refused) throws(SyntaxError) {
        try self.init(parsing: text.utf8, duplicateKeys: duplicateKeys)
    }
}

extension JSON {
    /// Reads one member of the object that `bytes` hold; the others are passed over, which is much faster than reading them,
    /// and not checked.
    ///
    /// - Parameter member: the key. Where it stands twice, the first counts.
    /// - Returns: nil where the object has no such key.
    /// - Throws: ``SyntaxError`` where there is no object, or the member is no value.
    package init?(member: String, of bytes: [UInt8]) throws(SyntaxError) {
        let result = bytes.withUnsafeBufferPointer { bytes -> Result<JSON?, SyntaxError> in
            do throws(SyntaxError) {
                var parser = JSONParser(bytes: bytes, duplicateKeys: .kept)
                return .success(try parser.member(member))
            } catch {
                return .failure(error)
            }
        }
        guard let value = try result.get() else { return nil }
        self = value
    }
}

/// Reads UTF-8 by recursive descent. Its depth is bounded, so hostile nesting is an error and not a stack overflow.
private struct JSONParser {
    private static let maximumDepth = 64
    private static let digits = UInt8(ascii: "0")...UInt8(ascii: "9")

    private let bytes: UnsafeBufferPointer<UInt8>
    private let duplicateKeys: JSON.DuplicateKeys
    private var offset = 0

    init(bytes: UnsafeBufferPointer<UInt8>, duplicateKeys: JSON.DuplicateKeys) {
        self.bytes = bytes
        self.duplicateKeys = duplicateKeys
    }

    mutating func document() throws(JSON.SyntaxError) -> JSON {
        let value = try value(depth: 0)
        skipWhiteSpace()
        guard offset == bytes.count else { throw fault("something follows the value") }
        return value
    }

    /// Reads the value of a key of the object that the bytes hold.
    mutating func member(_ wanted: String) throws(JSON.SyntaxError) -> JSON? {
        skipWhiteSpace()
        guard take(UInt8(ascii: "{")) else { throw fault("an object is expected") }
        skipWhiteSpace()
        if take(UInt8(ascii: "}")) { return nil }
        while true {
            skipWhiteSpace()
            guard peek() == UInt8(ascii: "\"") else { throw fault("a key in quotation marks is expected") }
            let key = try string()
            skipWhiteSpace()
            guard take(UInt8(ascii: ":")) else { throw fault("a colon is expected") }
            if key.utf8.elementsEqual(wanted.utf8) { return try value(depth: 1) }
            try passValue()
            skipWhiteSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw fault("a comma or } is expected") }
            return nil
        }
    }

    /// Goes to the comma or bracket behind a value.
    private mutating func passValue() throws(JSON.SyntaxError) {
        var depth = 0
        while let byte = peek() {
            switch byte {
            case UInt8(ascii: "\""): try passString()
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                offset += 1
            case UInt8(ascii: "}"), UInt8(ascii: "]"), UInt8(ascii: ","):
                if depth == 0 { return }
                if byte != UInt8(ascii: ",") { depth -= 1 }
                offset += 1
            default: offset += 1
            }
        }
        throw fault("it ends where a value is expected")
    }

    private mutating func passString() throws(JSON.SyntaxError) {
        offset += 1
        while let byte = peek() {
            offset += byte == UInt8(ascii: "\\") ? 2 : 1
            if byte == UInt8(ascii: "\"") { return }
        }
        throw fault("a string does not end")
    }

    private mutating func value(depth: Int) throws(JSON.SyntaxError) -> JSON {
        guard depth < Self.maximumDepth else { throw fault("nested too deeply") }
        skipWhiteSpace()
        switch peek() {
        case UInt8(ascii: "{"): return try object(depth: depth)
        case UInt8(ascii: "["): return try array(depth: depth)
        case UInt8(ascii: "\""): return .string(try string())
        case UInt8(ascii: "t"): return try literal("true", .bool(true))
        case UInt8(ascii: "f"): return try literal("false", .bool(false))
        case UInt8(ascii: "n"): return try literal("null", .null)
        case UInt8(ascii: "-"): return try number()
        case let byte? where Self.digits.contains(byte): return try number()
        case nil: throw fault("it ends where a value is expected")
        default: throw fault("no value begins like this")
        }
    }

    private mutating func object(depth: Int) throws(JSON.SyntaxError) -> JSON {
        offset += 1
        var members: [JSON.Member] = []
        var keys = ObjectKeys()
        skipWhiteSpace()
        if take(UInt8(ascii: "}")) { return .object(members) }
        while true {
            skipWhiteSpace()
            guard peek() == UInt8(ascii: "\"") else { throw fault("a key in quotation marks is expected") }
            let start = offset
            let key = try string()
            guard duplicateKeys == .kept || keys.insert(key) else {
                throw JSON.SyntaxError(offset: start, reason: "the key \"\(key)\" stands twice")
            }
            skipWhiteSpace()
            guard take(UInt8(ascii: ":")) else { throw fault("a colon is expected") }
            members.append(JSON.Member(key: key, value: try value(depth: depth + 1)))
            skipWhiteSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "}")) else { throw fault("a comma or } is expected") }
            return .object(members)
        }
    }

    private mutating func array(depth: Int) throws(JSON.SyntaxError) -> JSON {
        offset += 1
        var elements: [JSON] = []
        skipWhiteSpace()
        if take(UInt8(ascii: "]")) { return .array(elements) }
        while true {
            elements.append(try value(depth: depth + 1))
            skipWhiteSpace()
            if take(UInt8(ascii: ",")) { continue }
            guard take(UInt8(ascii: "]")) else { throw fault("a comma or ] is expected") }
            return .array(elements)
        }
    }

    private mutating func literal(_ text: StaticString, _ value: JSON) throws(JSON.SyntaxError) -> JSON {
        let expected = UnsafeBufferPointer(start: text.utf8Start, count: text.utf8CodeUnitCount)
        guard bytes.count - offset >= expected.count,
            UnsafeBufferPointer(rebasing: bytes[offset..<(offset + expected.count)]).elementsEqual(expected)
        else { throw fault("no value begins like this") }
        offset += expected.count
        return value
    }

    private mutating func number() throws(JSON.SyntaxError) -> JSON {
        let start = offset
        _ = take(UInt8(ascii: "-"))
        if take(UInt8(ascii: "0")) {
            if let next = peek(), Self.digits.contains(next) {
                try digits()
                throw fault("a number begins with 0")
            }
        } else {
            try digits()
        }
        if take(UInt8(ascii: ".")) { try digits() }
        if take(UInt8(ascii: "e")) || take(UInt8(ascii: "E")) {
            _ = take(UInt8(ascii: "+")) || take(UInt8(ascii: "-"))
            try digits()
        }
        return .number(String(decoding: bytes[start..<offset], as: UTF8.self))
    }

    private mutating func digits() throws(JSON.SyntaxError) {
        let start = offset
        while let byte = peek(), Self.digits.contains(byte) { offset += 1 }
        guard offset > start else { throw fault("a digit is expected") }
    }

    private mutating func string() throws(JSON.SyntaxError) -> String {
        offset += 1
        var text: [UInt8] = []
        var runStart = offset
        while true {
            guard let byte = peek() else { throw fault("a string does not end") }
            switch byte {
            case UInt8(ascii: "\""):
                text.append(contentsOf: bytes[runStart..<offset])
                guard let string = String(validating: text, as: UTF8.self) else {
                    throw JSON.SyntaxError(offset: runStart, reason: "a string is not UTF-8")
                }
                offset += 1
                return string
            case UInt8(ascii: "\\"):
                text.append(contentsOf: bytes[runStart..<offset])
                offset += 1
                try appendEscaped(to: &text)
                runStart = offset
            case 0..<0x20: throw fault("a control character stands in a string; write it as \\n or \\u00XX")
            default: offset += 1
            }
        }
    }

    private mutating func appendEscaped(to text: inout [UInt8]) throws(JSON.SyntaxError) {
        guard let byte = peek() else { throw fault("a string does not end") }
        offset += 1
        switch byte {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"): text.append(byte)
        case UInt8(ascii: "b"): text.append(0x08)
        case UInt8(ascii: "f"): text.append(0x0C)
        case UInt8(ascii: "n"): text.append(0x0A)
        case UInt8(ascii: "r"): text.append(0x0D)
        case UInt8(ascii: "t"): text.append(0x09)
        case UInt8(ascii: "u"): text.append(contentsOf: String(try escapedScalar()).utf8)
        default: throw fault("JSON has no such escape")
        }
    }

    /// Reads what follows `\u`: four hexadecimal digits, or a pair of surrogates.
    private mutating func escapedScalar() throws(JSON.SyntaxError) -> Unicode.Scalar {
        let first = try hexadecimal()
        if let scalar = Unicode.Scalar(first) { return scalar }
        guard first < 0xDC00, take(UInt8(ascii: "\\")), take(UInt8(ascii: "u")) else {
            throw fault("half a surrogate pair")
        }
        let second = try hexadecimal()
        guard (0xDC00..<0xE000).contains(second),
            let scalar = Unicode.Scalar(0x10000 + (first - 0xD800) << 10 + (second - 0xDC00))
        else { throw fault("half a surrogate pair") }
        return scalar
    }

    private mutating func hexadecimal() throws(JSON.SyntaxError) -> UInt32 {
        guard bytes.count - offset >= 4 else { throw fault("four hexadecimal digits are expected") }
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard let digit = Character(Unicode.Scalar(bytes[offset])).hexDigitValue else {
                throw fault("four hexadecimal digits are expected")
            }
            value = value << 4 | UInt32(digit)
            offset += 1
        }
        return value
    }

    private func peek() -> UInt8? {
        offset < bytes.count ? bytes[offset] : nil
    }

    private mutating func take(_ byte: UInt8) -> Bool {
        guard peek() == byte else { return false }
        offset += 1
        return true
    }

    private mutating func skipWhiteSpace() {
        while let byte = peek(), byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { offset += 1 }
    }

    private func fault(_ reason: String) -> JSON.SyntaxError {
        JSON.SyntaxError(offset: offset, reason: reason)
    }
}

/// The keys of an object that were read so far. They are compared by their bytes: a vocabulary has keys that differ and
/// are yet equal to Swift's strings, which compare by canonical equivalence ("Å" and the ångström sign).
private struct ObjectKeys {
    /// Beyond it a set is quicker.
    private static let maximumListed = 16

    private var listed: [String] = []
    private var set: Set<[UInt8]> = []

    /// Returns false where the key is there already.
    mutating func insert(_ key: String) -> Bool {
        guard listed.count == Self.maximumListed else {
            guard !listed.contains(where: { $0.utf8.elementsEqual(key.utf8) }) else { return false }
            listed.append(key)
            return true
        }
        if set.isEmpty { set = Set(listed.map { Array($0.utf8) }) }
        return set.insert(Array(key.utf8)).inserted
    }
}
