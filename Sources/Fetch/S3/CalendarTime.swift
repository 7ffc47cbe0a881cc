import Glibc

/// Times in UTC as AWS writes them.
enum CalendarTime {
    /// Returns `YYYYMMDDTHHMMSSZ`.
    ///
    /// - Parameter time: seconds since 1970.
    static func compact(_ time: Int) -> String {
        var (seconds, parts) = (time_t(time), tm())
        gmtime_r(&seconds, &parts)
        func digits(_ value: Int32, _ width: Int = 2) -> String {
            let text = String(value)
            return String(repeating: "0", count: max(0, width - text.count)) + text
        }
        let day = digits(parts.tm_year &+ 1900, 4) + digits(parts.tm_mon + 1) + digits(parts.tm_mday)
        return "\(day)T" + digits(parts.tm_hour) + digits(parts.tm_min) + digits(parts.tm_sec) + "Z"
    }

    /// Reads `YYYY-MM-DDTHH:MM:SS`; what follows, a fraction or a `Z`, is ignored.
    ///
    /// - Returns: seconds since 1970; nil for anything else.
    static func seconds(_ text: String) -> Int? {
        let fields = text.utf8.prefix(19).split(omittingEmptySubsequences: false) { "-T:".utf8.contains($0) }
        let numbers = fields.compactMap { Int32(String(decoding: Array($0), as: UTF8.self)) }
        guard fields.count == 6, numbers.count == 6, (1970...9999).contains(numbers[0]), (1...12).contains(numbers[1]),
            (1...31).contains(numbers[2]), (0...23).contains(numbers[3]), (0...59).contains(numbers[4]),
            (0...60).contains(numbers[5])
        else { return nil }
        var parts = tm()
        (parts.tm_year, parts.tm_mon, parts.tm_mday) = (numbers[0] - 1900, numbers[1] - 1, numbers[2])
        (parts.tm_hour, parts.tm_min, parts.tm_sec) = (numbers[3], numbers[4], numbers[5])
        return timegm(&parts)
    }
}
