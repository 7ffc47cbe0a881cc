import Base
import HTTPTypes
import Hummingbird
import NIOCore

extension HTTPField.Name {
    private static func named(_ name: String) -> HTTPField.Name {
        // Each is a token of RFC 9110; the fallback is never taken.
        HTTPField.Name(name) ?? .contentType
    }
    static let requestID = named("x-request-id")
    static let shouldRetry = named("x-should-retry")
    static let ignoredKeys = named("x-paligemma-ignored")
    static let contentTypeOptions = named("X-Content-Type-Options")
    static let contentSecurityPolicy = named("Content-Security-Policy")
    static let referrerPolicy = named("Referrer-Policy")
    static let acceptBuffering = named("X-Accel-Buffering")
}

extension Response {
    /// A response with a JSON value.
    init(_ json: JSON, status: HTTPResponse.Status = .ok) {
        self.init(bytes: json.bytes, type: "application/json", status: status)
    }

    init(bytes: [UInt8], type: String, status: HTTPResponse.Status = .ok) {
        self.init(
            status: status, headers: [.contentType: type], body: ResponseBody(byteBuffer: ByteBuffer(bytes: bytes)))
    }

    init(_ error: APIError) {
        self.init(error.json, status: HTTPResponse.Status(code: error.status))
        if let seconds = error.retryAfter { headers[.retryAfter] = String(seconds) }
        if !error.mayBeRetried { headers[.shouldRetry] = "false" }
        if error.status == 401 { headers[.wwwAuthenticate] = "Bearer" }
        if !error.allowedMethods.isEmpty { headers[.allow] = error.allowedMethods.joined(separator: ", ") }
    }
}
