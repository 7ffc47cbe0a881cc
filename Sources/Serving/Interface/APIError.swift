import Base
import Queue

/// An error as OpenAI's clients know it: a status, a type, and a code that programs may test.
package struct APIError: Error, Sendable, Equatable {
    package enum Kind: String, Sendable {
        case invalidRequest = "invalid_request_error"
        case authentication = "authentication_error"
        case permission = "permission_error"
        case rateLimit = "rate_limit_error"
        case server = "server_error"
    }

    /// The status of the response.
    package var status: Int
    package var kind: Kind
    package var code: String
    /// For a person: what failed, on what, why, and what to do.
    package var message: String
    /// The part of the request that is wrong, like `messages[0].content[1].image_url.url`; nil for the whole.
    package var parameter: String?
    /// After how many seconds to try again; nil where that is not known or does not help.
    package var retryAfter: Int?
    /// False where the same request fails again, although its status says otherwise.
    package var mayBeRetried = true
    /// The methods that a route knows, where another was used.
    package var allowedMethods: [String] = []

    package init(
        _ status: Int, _ kind: Kind, code: String, _ message: String, parameter: String? = nil, retryAfter: Int? = nil
    ) {
        self.status = status
        self.kind = kind
        self.code = code
        self.message = message
        self.parameter = parameter
        self.retryAfter = retryAfter
    }

    /// The object `{"error": {…}}`.
    package var json: JSON {
        .record([
            "error": .record([
                "message": .string(message), "type": .string(kind.rawValue),
                "param": parameter.map(JSON.string) ?? .null, "code": .string(code),
            ])
        ])
    }
}

extension APIError {
    /// A value that a request must not have.
    static func invalidValue(_ parameter: String, _ message: String) -> APIError {
        APIError(400, .invalidRequest, code: "invalid_value", message, parameter: parameter)
    }

    /// Something that OpenAI's interface has and this service has not.
    static func unsupported(_ parameter: String, _ message: String) -> APIError {
        APIError(400, .invalidRequest, code: "unsupported_parameter", message, parameter: parameter)
    }

    static func notFound(_ path: String) -> APIError {
        APIError(404, .invalidRequest, code: "not_found", "there is no \(path); /openapi.json lists what there is")
    }

    static func timeout(seconds: Int) -> APIError {
        APIError(
            504, .server, code: "timeout",
            "not answered within \(seconds) s, and canceled; the service is busy, or no world works on its queue")
    }

    /// The disk of the service refused something.
    static func storage(_ error: SystemError) -> APIError {
        APIError(500, .server, code: "storage_failed", "the service cannot store it: \(error)", retryAfter: 30)
    }

    static let draining = APIError(
        503, .server, code: "draining", "the service is being stopped; ask another one, or this one later",
        retryAfter: 5)

    /// The queue cannot be used now.
    init(_ error: QueueError) {
        if case .otherContents(let jobID, _, let difference, _) = error {
            self.init(
                409, .invalidRequest, code: "conflict",
                "there is another job with the id \"\(jobID)\": \(difference); give the request another id")
            mayBeRetried = false
        } else {
            self.init(503, .server, code: "queue_unavailable", "\(error)", retryAfter: 5)
        }
    }

    /// Codes of failures that no other request would have spared.
    private static let serverCodes: Set<String> = [
        JobFailure.poison, JobFailure.leaseExpired, "features_damaged", "not_finite", "internal", "no_memory",
    ]

    /// The failure of a job.
    init(_ failure: JobFailure) {
        switch failure.code {
        case JobFailure.invalidJob: self = .invalidValue("body", failure.message)
        case JobFailure.cancelled:
            self.init(409, .invalidRequest, code: "cancelled", "the job was canceled before it was answered")
        case "unknown_adapter": self.init(404, .invalidRequest, code: "model_not_found", failure.message)
        case let code where Self.serverCodes.contains(code):
            self.init(500, .server, code: code, failure.message)
        case let code: self.init(400, .invalidRequest, code: code, failure.message)
        }
        mayBeRetried = status == 500 && failure.code != JobFailure.poison
    }
}

extension JSON {
    /// An object with these keys in this order.
    package static func record(_ members: KeyValuePairs<String, JSON>) -> JSON {
        .object(members.map { Member(key: $0.key, value: $0.value) })
    }

    package static func integer(_ number: some BinaryInteger) -> JSON { .number(String(number)) }

    /// A number with three digits after the point; JSON has no others than finite ones.
    package static func seconds(_ number: Double) -> JSON {
        number.isFinite ? .number(String((number * 1000).rounded() / 1000)) : .null
    }

    /// A log-probability. JSON has no infinity: OpenAI writes -9999 for what is impossible.
    package static func logprob(_ number: Float) -> JSON { .number(number.isFinite ? "\(number)" : "-9999.0") }

    /// The text of the value, without spaces.
    package var bytes: [UInt8] {
        var writer = JSONWriter()
        writer.value(self)
        return writer.bytes
    }
}
