/// What a response that is no success means for the fetch.
enum StatusFailure {
    /// Error codes of object stores for which the same request may succeed later, whatever the status.
    private static let passingCodes: Set<String> = [
        "RequestTimeout", "SlowDown", "InternalError", "ServiceUnavailable", "Throttling", "ThrottlingException",
        "ExpiredToken", "RequestTimeTooSkewed",
    ]

    /// Returns the error for the status of a response.
    ///
    /// - Parameters:
    ///   - body: the first bytes of the response's body.
    ///   - secrets: what the message must not hold.
    static func error(
        _ head: ResponseHead, body: [UInt8], source: String, secrets: [String], isSigned: Bool
    ) -> FetchError {
        let document = ErrorDocument(body)
        let status = head.status
        let code: FetchError.Code =
            switch status {
            case 404, 410: .notFound
            case 401, 403: .forbidden
            case 416: .outOfRange
            default: .httpStatus
            }
        let isPassing = status == 408 || status == 429 || (500..<600).contains(status)
        let mayHelpLater = isPassing || document.map { passingCodes.contains($0.code) } == true
        var reason = "the server answered with \(status)"
        if let text = document?.text(without: secrets) { reason += ": \(text)" }
        reason += advice(status, isSigned: isSigned)
        var error = FetchError(code, at: source, status: status, mayHelpLater: mayHelpLater, reason)
        error.fields = head.fields
        return error
    }

    private static func advice(_ status: Int, isSigned: Bool) -> String {
        switch status {
        case 401, 403:
            isSigned
                ? "; check the rights of these keys" : "; it needs keys or a signed address, or the address has expired"
        case 404, 410: "; there is no such thing (any more)"
        case 429, 503: "; it has too much to do"
        default: ""
        }
    }
}
