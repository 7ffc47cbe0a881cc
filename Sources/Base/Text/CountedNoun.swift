extension Int {
    /// Returns the number with what it counts, for a sentence: "1 job", "2 jobs".
    ///
    /// - Parameters:
    ///   - one: what stands behind 1.
    ///   - many: what stands behind other numbers; nil for `one` with an s.
    package func counted(_ one: String, _ many: String? = nil) -> String {
        self == 1 ? "1 \(one)" : "\(self) \(many ?? one + "s")"
    }
}
