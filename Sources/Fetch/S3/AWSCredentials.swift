/// Keys for an object store.
package struct AWSCredentials: Sendable, Equatable {
    var accessKey: String
    var secretKey: String
    /// Of keys that were lent.
    var sessionToken: String?
    /// Seconds since 1970; nil for keys that stay valid.
    var expires: Int?

    package init(accessKey: String, secretKey: String, sessionToken: String? = nil, expires: Int? = nil) {
        self.accessKey = accessKey
        self.secretKey = secretKey
        self.sessionToken = sessionToken
        self.expires = expires
    }
}
