/// What is to be fetched.
package struct FetchRequest: Sendable {
    /// `http://…`, `https://…` or `s3://BUCKET/KEY`.
    package var address: String
    /// A part of it; nil for all.
    package var range: FetchRange?
    /// The state that it is to have; if it has another, the fetch fails with `changed`. Nil for any.
    package var validator: Validator?
    /// Longest time in seconds from the first connection on, further tries included; nil for that of the settings.
    package var seconds: Double?

    package init(
        _ address: String, range: FetchRange? = nil, validator: Validator? = nil, seconds: Double? = nil
    ) {
        self.address = address
        self.range = range
        self.validator = validator
        self.seconds = seconds
    }
}
