/// Why a row is no job; says what to change.
struct RowError: Error {
    let reason: String

    init(_ reason: String) { self.reason = reason }
}
