import Base
import Foundation

extension ParquetColumn {
    /// Returns a value of the column as JSON. Dates and times are written as ISO 8601 has them, decimals with all their
    /// digits; infinities and NaN as strings; binary data that are no UTF-8 as an object with the key `base64`.
    ///
    /// - Parameter place: names file and row in errors.
    /// - Throws: ``TableError`` with the codes `not_utf8`, `unsupported`, `malformed`.
    package func json(_ value: ParquetValue, place: String) throws(TableError) -> JSON {
        switch value {
        case .null: return .null
        case .boolean(let value): return .bool(value)
        case .float(let value): return Self.number(value, isFinite: value.isFinite)
        case .double(let value): return Self.number(value, isFinite: value.isFinite)
        case .integer(let value): return json(integer: value)
        case .list(let elements):
            var values: [JSON] = []
            for element in elements { values.append(try json(element, place: place)) }
            return .array(values)
        case .bytes(let bytes): return try json(bytes: bytes, place: "\(place), column \(name)")
        }
    }

    private static func number(_ value: some CustomStringConvertible, isFinite: Bool) -> JSON {
        isFinite ? .number(value.description) : .string(value.description)
    }

    private func json(integer: Int64) -> JSON {
        switch meaning {
        case .decimal(let scale): .number(Self.decimal(Int128(integer), scale: scale))
        case .date: .string(CivilTime.date(days: integer))
        case .time(let parts): .string(CivilTime.time(integer, partsPerSecond: parts))
        case .timestamp(let parts, let isUTC):
            .string(CivilTime.timestamp(integer, partsPerSecond: parts) + (isUTC ? "Z" : ""))
        case .unsigned where type == .int64: .number(String(UInt64(bitPattern: integer)))
        case .unsigned: .number(String(UInt32(truncatingIfNeeded: integer)))
        case .stored, .text, .uuid, .float16: .number(String(integer))
        }
    }

    private func json(bytes: [UInt8], place: String) throws(TableError) -> JSON {
        switch (meaning, bytes.count) {
        case (.decimal(let scale), 0...16):
            var unscaled = Int128(bytes.first.map { $0 >= 0x80 ? -1 : 0 } ?? 0)
            for byte in bytes { unscaled = unscaled << 8 | Int128(byte) }
            return .number(Self.decimal(unscaled, scale: scale))
        case (.decimal, _):
            throw TableError(.unsupported, at: place, "a decimal of \(bytes.count) bytes; at most 16 are read")
        case (.uuid, 16):
            let digits = bytes.map { byte in (byte < 16 ? "0" : "") + String(byte, radix: 16) }
            return .string(
                [0..<4, 4..<6, 6..<8, 8..<10, 10..<16].map { digits[$0].joined() }.joined(separator: "-"))
        case (.float16, 2):
            let value = Float16(bitPattern: UInt16(bytes[0]) | UInt16(bytes[1]) << 8)
            return Self.number(Float(value), isFinite: value.isFinite)
        case (_, 12) where type == .int96: return .string(CivilTime.timestamp(int96: bytes))
        default: break
        }
        if let text = String(validating: bytes, as: UTF8.self) { return .string(text) }
        guard meaning != .text else { throw TableError(.notUTF8, at: place, "the text is not UTF-8") }
        return .object([JSON.Member(key: "base64", value: .string(Data(bytes).base64EncodedString()))])
    }

    /// Returns an integer divided by a power of ten, with all digits.
    private static func decimal(_ unscaled: Int128, scale: Int) -> String {
        var digits = String(unscaled.magnitude)
        if scale > 0 {
            digits = String(repeating: "0", count: max(0, scale + 1 - digits.count)) + digits
            digits.insert(".", at: digits.index(digits.endIndex, offsetBy: -scale))
        }
        return (unscaled < 0 ? "-" : "") + digits
    }
}
