import Base
import Foundation
import Hummingbird

extension Request {
    /// Returns a number of the query; nil where it is not there.
    ///
    /// - Throws: ``APIError`` for something else, or a number outside of the range.
    func queryNumber(_ name: String, _ range: ClosedRange<Int>) throws(APIError) -> Int? {
        guard let text = uri.queryParameters[Substring(name)] else { return nil }
        guard let number = Int(text), range.contains(number) else {
            throw .invalidValue(
                name, "\"\(name)\" is \"\(text.prefix(100))\"; give \(range.lowerBound) to \(range.upperBound)")
        }
        return number
    }
}

/// A part of a list, as OpenAI's clients page through it.
struct ListPage {
    private let limit: Int
    /// The id that the page before ended with; nil for the first page.
    private let after: String?
    private let isAscending: Bool

    /// - Throws: ``APIError`` for what cannot be in a query.
    init(_ request: Request, defaultLimit: Int, largestLimit: Int) throws(APIError) {
        limit = try request.queryNumber("limit", 1...largestLimit) ?? defaultLimit
        let query = request.uri.queryParameters
        after = query["after"].map(String.init)
        switch query["order"] {
        case nil, "desc"?: isAscending = false
        case "asc"?: isAscending = true
        case let order?: throw .invalidValue("order", "\"order\" is \"\(order.prefix(100))\"; give asc or desc")
        }
    }

    /// Returns the page of a list whose newest item comes first.
    ///
    /// - Throws: ``APIError`` where there is no item by the id of `after`.
    func json(of items: [(id: String, json: JSON)]) throws(APIError) -> JSON {
        var rest = (isAscending ? items.reversed() : items)[...]
        if let after {
            guard let place = rest.firstIndex(where: { $0.id.isExactly(after) }) else {
                throw .invalidValue(
                    "after", "there is no \"\(after.prefix(200))\" in the list; begin without \"after\"")
            }
            rest = rest[(place + 1)...]
        }
        let page = rest.prefix(limit)
        return .record([
            "object": .string("list"), "data": .array(page.map(\.json)),
            "first_id": page.first.map { .string($0.id) } ?? .null,
            "last_id": page.last.map { .string($0.id) } ?? .null, "has_more": .bool(page.count < rest.count),
        ])
    }
}

/// Waits on a thread for what waits for a disk, so that no other request waits for it.
///
/// - Throws: What `body` throws.
func offThread<Value: Sendable, Failure: Error>(
    _ body: @escaping @Sendable () throws(Failure) -> Value
) async throws(Failure) -> Value {
    let result = await withCheckedContinuation { (continuation: CheckedContinuation<Result<Value, Failure>, Never>) in
        DispatchQueue.global().async {
            continuation.resume(returning: Result { () throws(Failure) in try body() })
        }
    }
    return try result.get()
}

extension APIError {
    /// What needs a folder of files and batches.
    static let withoutState: APIError = {
        var error = APIError(
            501, .server, code: "not_configured",
            "this service keeps no files and no batches; it does when it is started with --state DIR")
        error.mayBeRetried = false
        return error
    }()

    static func noSuch(_ kind: String, _ id: String, parameter: String? = nil) -> APIError {
        APIError(
            404, .invalidRequest, code: "not_found", "there is no \(kind) \"\(id.prefix(200))\"", parameter: parameter)
    }
}
