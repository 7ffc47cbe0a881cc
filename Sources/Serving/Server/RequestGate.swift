import Base
import Foundation
import HTTPTypes
import Hummingbird

/// What every request passes: it gets its id, its key and its host are checked, errors become responses, and a line is written
/// into the access log. No prompt, no key and no query is in that line.
struct RequestGate: RouterMiddleware {
    let settings: ServiceSettings
    let metrics: ServiceMetrics
    /// Which methods each path has, for the answer to another method.
    let methods: @Sendable (String) -> [String]

    private static let longestID = 128
    private static let openPaths: Set<String> = ["/health", "/ready"]

    func handle(
        _ request: Request, context: ServiceContext, next: (Request, ServiceContext) async throws -> Response
    ) async throws -> Response {
        var context = context
        context.requestID = Self.id(of: request)
        var response: Response
        do {
            try checkHost(request)
            context.holder = try holder(of: request)
            try checkType(request)
            response = try await next(request, context)
        } catch let error as APIError {
            response = Response(error)
        } catch let error as any HTTPResponseError {
            response = Response(apiError(Int(error.status.code), request))
        } catch is CancellationError {
            // The client is gone; what is said reaches nobody. nginx calls it so.
            response = Response(APIError(499, .invalidRequest, code: "client_left", "the client closed the connection"))
        } catch {
            response = Response(APIError(500, .server, code: "internal", "an error that nobody expected: \(error)"))
        }
        response.headers[.requestID] = context.requestID
        record(request, context, response)
        return response
    }

    private static func id(of request: Request) -> String {
        if let given = request.headers[.requestID], !given.isEmpty, given.utf8.count <= longestID,
            given.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        {
            return given
        }
        return "req_" + (0..<2).map { _ in String(format: "%016lx", UInt64.random(in: 0 ... .max)) }.joined()
    }

    // MARK: Checks

    /// A page of another site may make a browser talk to a service on the loopback, by a name of its own that leads there.
    private func checkHost(_ request: Request) throws(APIError) {
        guard let hosts = settings.hosts, let authority = request.head.authority else { return }
        let name =
            authority.hasPrefix("[")
            ? String(authority.prefix { $0 != "]" }.dropFirst())
            : String(authority.prefix { $0 != ":" })
        guard !hosts.contains(name.lowercased()) else { return }
        throw APIError(
            403, .permission, code: "not_permitted",
            "this service is not called \"\(name.prefix(100))\"; ask it by one of its own names: \(hosts.joined(separator: ", "))"
        )
    }

    private func holder(of request: Request) throws(APIError) -> APIKeys.Holder? {
        guard let keys = settings.keys else { return nil }
        let path = request.uri.path
        if Self.openPaths.contains(path) || path == "/metrics" && !settings.metricsNeedKey { return nil }
        // The page asks for the key itself; it shows nothing without one.
        if path == "/" || path.hasPrefix("/page/") || path == "/favicon.ico" { return nil }
        let given = request.headers[.authorization] ?? ""
        let scheme = given.prefix(7)
        guard scheme.lowercased() == "bearer ", let holder = keys.holder(of: String(given.dropFirst(7))) else {
            throw APIError(
                401, .authentication, code: "invalid_api_key",
                given.isEmpty
                    ? "a key is needed: send the header Authorization: Bearer KEY"
                    : "nobody has this key; ask who runs the service"
            )
        }
        return holder
    }

    /// A browser sends other types to other sites without asking them first.
    private func checkType(_ request: Request) throws(APIError) {
        guard request.method == .post else { return }
        let type = request.headers[.contentType] ?? ""
        let name = type.prefix { $0 != ";" }.lowercased()
        guard name == "application/json" || name == "multipart/form-data" && request.uri.path == "/v1/files" else {
            throw APIError(
                415, .invalidRequest, code: "unsupported_media_type",
                "the body is \(type.isEmpty ? "of no type" : "\"\(type.prefix(100))\""); send Content-Type: application/json"
            )
        }
    }

    /// Returns the error for what Hummingbird found wrong.
    private func apiError(_ status: Int, _ request: Request) -> APIError {
        let path = String(request.uri.path.prefix(200))
        switch status {
        case 404:
            let allowed = methods(request.uri.path)
            guard !allowed.isEmpty else { return .notFound(path) }
            var error = APIError(
                405, .invalidRequest, code: "method_not_allowed",
                "\(path) takes \(allowed.joined(separator: ", ")), not \(request.method.rawValue)")
            error.allowedMethods = allowed
            return error
        case 413:
            return APIError(
                413, .invalidRequest, code: "request_too_large",
                "the body is larger than \(settings.limits.bodyBytes >> 20) MiB; send smaller pictures, or fewer of them"
            )
        case 400..<500: return APIError(status, .invalidRequest, code: "invalid_request", "the request cannot be read")
        default: return APIError(status, .server, code: "internal", "the request cannot be answered")
        }
    }

    // MARK: The access log

    private func record(_ request: Request, _ context: ServiceContext, _ response: Response) {
        let route = context.endpointPath ?? "other"
        let status = Int(response.status.code)
        metrics.countRequest(handler: route, method: request.method.rawValue, status: status)
        let line = JSON.record([
            "time": .string(ISO8601DateFormatter().string(from: Date())), "id": .string(context.requestID),
            "key": context.holder.map { .string($0.name) } ?? .null, "method": .string(request.method.rawValue),
            "route": .string(route), "status": .integer(status), "seconds": .seconds(context.seconds),
        ])
        settings.accessLog(String(decoding: line.bytes, as: UTF8.self))
    }
}
