import Base

/// Reads some arrays of a large JSON object, an element at a time, and passes over all else without keeping it.
enum JSONArrays {
    /// Why the bytes are not such an object.
    struct Fault: Error {
        /// The number of bytes before the error.
        let offset: Int
        let reason: String
    }

    /// - Parameters:
    ///   - keys: the names of the arrays.
    ///   - body: gets the key and each element.
    /// - Throws: ``Fault`` where the bytes are no object, or an element is no JSON.
    static func read(
        _ bytes: [UInt8], _ keys: Set<String>, _ body: (String, JSON) -> Void
    ) throws(Fault) {
        var scanner = Scanner(bytes: bytes)
        try scanner.expect(UInt8(ascii: "{"), "an object is expected")
        while scanner.next() != UInt8(ascii: "}") {
            let key = try scanner.element().string
            try scanner.expect(UInt8(ascii: ":"), "a colon is expected")
            if let key, keys.contains(key), scanner.next() == UInt8(ascii: "[") {
                scanner.position += 1
                while scanner.next() != UInt8(ascii: "]") {
                    body(key, try scanner.element())
                    try scanner.separator(before: UInt8(ascii: "]"))
                }
                scanner.position += 1
            } else {
                _ = try scanner.skip()
            }
            try scanner.separator(before: UInt8(ascii: "}"))
        }
    }

    private struct Scanner {
        let bytes: [UInt8]
        var position = 0

        /// Passes over white space and returns the byte behind it; nil at the end.
        mutating func next() -> UInt8? {
            while position < bytes.count, [0x20, 0x09, 0x0A, 0x0D].contains(bytes[position]) { position += 1 }
            return position < bytes.count ? bytes[position] : nil
        }

        mutating func expect(_ byte: UInt8, _ reason: String) throws(Fault) {
            guard next() == byte else { throw Fault(offset: position, reason: reason) }
            position += 1
        }

        mutating func separator(before end: UInt8) throws(Fault) {
            if next() == UInt8(ascii: ",") {
                position += 1
            } else if next() != end {
                throw Fault(offset: position, reason: "a comma is expected")
            }
        }

        /// Reads a value.
        mutating func element() throws(Fault) -> JSON {
            let range = try skip()
            do throws(JSON.SyntaxError) {
                return try JSON(parsing: bytes[range], duplicateKeys: .kept)
            } catch {
                throw Fault(offset: range.lowerBound + error.offset, reason: error.reason)
            }
        }

        /// Passes over a value and returns where it is.
        mutating func skip() throws(Fault) -> Range<Int> {
            guard next() != nil else { throw Fault(offset: position, reason: "the file ends inside a value") }
            let start = position
            var depth = 0
            while position < bytes.count {
                switch bytes[position] {
                case UInt8(ascii: "\""): passString()
                case UInt8(ascii: "{"), UInt8(ascii: "["): depth += 1
                case UInt8(ascii: "}"), UInt8(ascii: "]"):
                    if depth == 0 { return start..<position }
                    depth -= 1
                    if depth == 0 {
                        position += 1
                        return start..<position
                    }
                case UInt8(ascii: ","), UInt8(ascii: ":"):
                    if depth == 0 { return start..<position }
                default: break
                }
                position += 1
            }
            guard depth == 0 else { throw Fault(offset: position, reason: "the file ends inside a value") }
            return start..<min(position, bytes.count)
        }

        /// Moves to the quotation mark that ends a string.
        private mutating func passString() {
            position += 1
            while position < bytes.count, bytes[position] != UInt8(ascii: "\"") {
                position += bytes[position] == UInt8(ascii: "\\") ? 2 : 1
            }
        }
    }
}
