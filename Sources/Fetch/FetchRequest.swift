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
    /// Sent to the server of the address only, not to another one to which it redirects. None for objects.
    package var headers: [HTTPHeader] = []
    /// Whether a redirect to another server is not followed: the response that redirects is the result then.
    package var staysAtOrigin = false
    /// What it is of use together with; nil where it is alone. Streams and fetches that are waited for need none.
    package var group: FetchGroup?

    /// Whether the bytes stay in memory for later, so that nobody may wait until they are let go of.
    var isKept = false

    package init(
        _ address: String, range: FetchRange? = nil, validator: Validator? = nil, seconds: Double? = nil
    ) {
        self.address = address
        self.range = range
        self.validator = validator
        self.seconds = seconds
    }
}
