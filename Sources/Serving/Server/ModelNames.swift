import Base
import Foundation
import JobSources
import Queue

/// The names by which a service answers: the one of its model, and those of the adapters that the worlds have.
struct ModelNames: Sendable {
    /// What the operator calls the model; nil for its own name.
    let given: String?
    let broker: RequestBroker
    private let created = Int(Date().timeIntervalSince1970)

    init(given: String?, broker: RequestBroker) {
        self.given = given
        self.broker = broker
    }

    /// The name of the model.
    var served: String { given ?? broker.view.worlds.first?.record.model ?? "paligemma" }

    /// Returns the adapter that a request names; nil for the model itself.
    ///
    /// - Throws: ``APIError`` for a name that nobody has.
    func adapter(for name: String?) throws(APIError) -> String? {
        let view = broker.view
        guard let name, !name.isExactly(served) else { return nil }
        if view.adapters.contains(where: { $0.isExactly(name) }) { return name }
        // Before the first world has said what the model is called, any name may be its own.
        if given == nil, view.worlds.isEmpty { return nil }
        let known = ([served] + view.adapters).joined(separator: ", ")
        throw APIError(
            404, .invalidRequest, code: "model_not_found",
            "there is no model \"\(name.prefix(200))\"; there is \(known)", parameter: "model")
    }

    /// Returns what a line of a batch names as its model.
    func kind(of name: String) -> OpenAIJobs.NamedModel {
        do throws(APIError) {
            return try adapter(for: name) == nil ? .model : .adapter
        } catch {
            return .unknown
        }
    }

    /// The list of `GET /v1/models`.
    var list: JSON {
        .record(["object": .string("list"), "data": .array(names.map(entry))])
    }

    private var names: [String] { [served] + broker.view.adapters }

    /// Returns what is said of one model.
    ///
    /// - Throws: ``APIError`` for a name that nobody has.
    func one(_ name: String) throws(APIError) -> JSON {
        guard names.contains(where: { $0.isExactly(name) }) else {
            _ = try adapter(for: name)
            throw .notFound("model \"\(name.prefix(200))\"")
        }
        return entry(name)
    }

    private func entry(_ name: String) -> JSON {
        let length = broker.view.worlds.compactMap(\.record.maximumPositions).min()
        return .record([
            "id": .string(name), "object": .string("model"), "created": .integer(created),
            "owned_by": .string("paligemma"), "root": .string(served),
            "parent": name.isExactly(served) ? .null : .string(served),
            "max_model_len": length.map { .integer($0) } ?? .null,
        ])
    }
}
