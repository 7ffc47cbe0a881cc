/// Dates and times as ISO 8601 writes them, by the Gregorian calendar. Numbers from a file may be any: what no calendar
/// reaches wraps around.
package enum CivilTime {
    /// - Parameter days: since 1970-01-01.
    package static func date(days: Int64) -> String {
        // Years begin in March here, so that the leap day is the last of its year. An era has 400 years.
        let shifted = days &+ 719_468
        let era = floorDivide(shifted, 146_097)
        let dayOfEra = shifted &- era &* 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let month = (5 * dayOfYear + 2) / 153
        let day = dayOfYear - (153 * month + 2) / 5 + 1
        let civilMonth = month < 10 ? month + 3 : month - 9
        let year = yearOfEra + era * 400 + (civilMonth <= 2 ? 1 : 0)
        return "\(yearText(year))-\(padded(civilMonth, 2))-\(padded(day, 2))"
    }

    /// - Parameter time: parts of a second since midnight.
    package static func time(_ time: Int64, partsPerSecond: Int64) -> String {
        let seconds = floorDivide(time, partsPerSecond)
        let parts = time &- seconds &* partsPerSecond
        let clock = "\(padded(seconds / 3600, 2)):\(padded(seconds / 60 % 60, 2)):\(padded(seconds % 60, 2))"
        guard parts != 0 else { return clock }
        return clock + "." + padded(parts, String(partsPerSecond).count - 1)
    }

    /// - Parameter time: parts of a second since 1970-01-01.
    package static func timestamp(_ time: Int64, partsPerSecond: Int64) -> String {
        let day = floorDivide(time, partsPerSecond * 86_400)
        return date(days: day) + "T"
            + self.time(time &- day &* (partsPerSecond * 86_400), partsPerSecond: partsPerSecond)
    }

    /// - Parameter bytes: 12 of them: nanoseconds since midnight, then the Julian day, the lowest byte first.
    package static func timestamp(int96 bytes: [UInt8]) -> String {
        let nanoseconds = (0..<8).reduce(UInt64(0)) { $0 | UInt64(bytes[$1]) << UInt64(8 * $1) }
        let julian = (0..<4).reduce(UInt32(0)) { $0 | UInt32(bytes[8 + $1]) << UInt32(8 * $1) }
        let time = Int64(bitPattern: nanoseconds)
        let day = floorDivide(time, 86_400_000_000_000)
        return date(days: Int64(julian) - 2_440_588 + day) + "T"
            + self.time(time &- day &* 86_400_000_000_000, partsPerSecond: 1_000_000_000)
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
