/// Makes the bytes of rows. Rows of a format with quotation marks end with CR LF (RFC 4180), others with LF.
package struct DelimitedWriter: Sendable {
    private let format: DelimitedFormat
    /// The bytes of the rows since the last ``takeBytes()``.
    package private(set) var bytes: [UInt8] = []

    /// - Parameter format: how fields are separated; where it has no quoting, ``append(_:)`` refuses fields that need
    ///   it.
    package init(format: DelimitedFormat) { self.format = format }

    /// Appends a row.
    ///
    /// - Throws: ``TableError`` with the code `malformed` where the format cannot hold a field.
    package mutating func append(_ fields: [String]) throws(TableError) {
        let start = bytes.count
        for (index, field) in fields.enumerated() {
            if index > 0 { bytes.append(format.delimiter) }
            switch format.quoting {
            case .quotationMarks: appendQuoted(field, isOnly: fields.count == 1)
            case .backslashes: appendEscaped(field)
            case .none:
                guard !needsQuotes(field) else {
                    bytes.removeLast(bytes.count - start)
                    throw TableError(
                        .malformed, at: "",
                        "field \(index + 1) holds a delimiter or a line break, and there is no quoting")
                }
                bytes.append(contentsOf: field.utf8)
            }
        }
        if format.quoting == .quotationMarks { bytes.append(0x0D) }
        bytes.append(0x0A)
    }

    /// Returns the bytes of the rows since the last call.
    package mutating func takeBytes() -> [UInt8] {
        defer { bytes.removeAll(keepingCapacity: false) }
        return bytes
    }

    private func needsQuotes(_ field: String) -> Bool {
        field.utf8.contains { $0 == format.delimiter || $0 == 0x22 || $0 == 0x0A || $0 == 0x0D }
    }

    /// - Parameter isOnly: whether the row has no other field: it would be an empty line, which is no row.
    private mutating func appendQuoted(_ field: String, isOnly: Bool) {
        guard needsQuotes(field) || (isOnly && field.isEmpty) else {
            bytes.append(contentsOf: field.utf8)
            return
        }
        bytes.append(0x22)
        for byte in field.utf8 {
            if byte == 0x22 { bytes.append(0x22) }
            bytes.append(byte)
        }
        bytes.append(0x22)
    }

    private mutating func appendEscaped(_ field: String) {
        for byte in field.utf8 {
            switch byte {
            case format.delimiter: bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "t")])
            case 0x0A: bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "n")])
            case 0x0D: bytes.append(contentsOf: [UInt8(ascii: "\\"), UInt8(ascii: "r")])
            case UInt8(ascii: "\\"): bytes.append(contentsOf: [byte, byte])
            default: bytes.append(byte)
            }
        }
    }
}
