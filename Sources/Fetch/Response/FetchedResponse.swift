/// What a server says of what it sent.
package struct FetchedResponse: Sendable {
    /// The status of the last response, after all redirects.
    package let status: Int
    /// The address after all redirects, without secrets.
    package let source: String
    /// Size of the whole resource, also where a part was fetched, in bytes; nil where the server does not say.
    package let totalBytes: Int64?
    /// The state of the resource, with which a later request can ask for the same; nil where the server does not say.
    package let validator: Validator?
    package let contentType: String?
    /// What else the head says, by names in lower case: the fields whose names begin with `x-`, and `link`.
    package let fields: [String: String]
    /// Where a redirect that was not followed leads. It may be signed: no message shows it.
    package let redirect: String?

    init(_ head: ResponseHead, source: String, redirect: String? = nil) {
        status = head.status
        fields = head.fields
        self.redirect = redirect
        self.source = source
        totalBytes = head.contentRange?.total ?? (head.status == 206 ? nil : head.contentLength)
        validator = head.validator
        contentType = head.contentType
    }
}
