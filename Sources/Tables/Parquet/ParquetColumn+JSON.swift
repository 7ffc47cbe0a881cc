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

/// Dates and times as ISO 8601 writes them, by the Gregorian calendar.
enum CivilTime {
    /// - Parameter days: since 1970-01-01.
    static func date(days: Int64) -> String {
        // Years begin in March here, so that the leap day is the last of its year. An era has 400 years.
        let shifted = days &+ 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
        return "\(yearText(year))-\(padded(civilMonth, 2))-\(padded(day, 2))"
    }

    /// - Parameter time: parts of a second since midnight.
    static func time(_ time: Int64, partsPerSecond: Int64) -> String {
        let seconds = floorDivide(time, partsPerSecond)
        let parts = time - seconds * partsPerSecond
        let clock = "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        guard parts != 0 else { return clock }
        return clock + "." + padded(parts, String(partsPerSecond).count - 1)
    }

    /// - Parameter time: parts of a second since 1970-01-01.
    static func timestamp(_ time: Int64, partsPerSecond: Int64) -> String {
        let day = floorDivide(time, partsPerSecond * 86_400)
        return date(days: day) + "T"
            + self.time(time &- day &* (partsPerSecond * 86_400), partsPerSecond: partsPerSecond)
    }

    /// - Parameter bytes: 12 of them: nanoseconds since midnight, then the Julian day, the lowest byte first.
    static func timestamp(int96 bytes: [UInt8]) -> String {
        let nanoseconds = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
        let julian = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[8 + $1]) << UInt32(8 * $1) }
        let time = Int64(bitPattern: nanoseconds)
        let day = floorDivide(time, 86_400_000_000_000)
        return date(days: Int64(julian) - 2_440_588 + day) + "T"
            + self.time(time - day * 86_400_000_000_000, partsPerSecond: 1_000_000_000)
    }

    private static func floorDivide(_ number: Int64, _ divisor: Int64) -> Int64 {
        number / divisor - (number % divisor < 0 ? 1 : 0)
    }

    /// Years outside four digits have a sign.
    private static func yearText(_ year: Int64) -> String {
        (0...9999).contains(year) ? padded(year, 4) : (year < 0 ? "-" : "+") + padded(Int64(year.magnitude), 4)
    }

    private static func padded(_ number: Int64, _ digits: Int) -> String {
        let text = String(number)
        return String(repeating: "0", count: max(0, digits - text.count)) + text
    }
}
