import Base
import Queue

/// The person's own columns that the results of a queue have, in the order in which they come up first in the order of the jobs.
struct CarriedColumns {
    /// The kind of all values of a column.
    enum Kind {
        /// No value but null came.
        case unknown
        case boolean, integer, number
        /// Text, or values of several kinds, or objects and arrays: as text.
        case text
    }

    /// The most columns that a table gets.
    static let maximumCount = 512

    private(set) var names: [String] = []
    private(set) var kinds: [Kind] = []
    private var indices: [ExactText: Int] = [:]

    /// Reads all results of a queue.
    ///
    /// - Throws: ``SinkError`` with the code `too_many_columns`; `QueueError`.
    init(of queue: any JobQueue, for output: String) throws {
        try queue.forEachResult(sorted: true) { result in
            for member in Self.members(of: result) { try add(member, output) }
        }
    }

    private mutating func add(_ member: JSON.Member, _ output: String) throws(SinkError) {
        let name = ExactText(member.key)
        if indices[name] == nil {
            guard names.count < Self.maximumCount else {
                throw SinkError(
                    .tooManyColumns, at: output,
                    "the jobs carry more than \(Self.maximumCount) columns of their own; use the format jsonl")
            }
            indices[name] = names.count
            names.append(member.key)
            kinds.append(.unknown)
        }
        if let index = indices[name] { kinds[index] = Self.common(kinds[index], member.value) }
    }

    private static func common(_ kind: Kind, _ value: JSON) -> Kind {
        let own: Kind =
            switch value {
            case .null: .unknown
            case .bool: .boolean
            case .number: value.integer == nil ? .number : .integer
            case .string, .array, .object: .text
            }
        switch (kind, own) {
        case (.unknown, let other), (let other, .unknown): return other
        case (.integer, .number), (.number, .integer): return .number
        default: return kind == own ? kind : .text
        }
    }

    /// Returns the values of a result, one of each column, nil where it has none; nil where a column is not known.
    func values(of result: JobResult) -> [JSON?]? {
        var values = [JSON?](repeating: nil, count: names.count)
        for member in Self.members(of: result) {
            guard let index = indices[ExactText(member.key)] else { return nil }
            values[index] = member.value
        }
        return values
    }

    /// The columns of a result.
    static func members(of result: JobResult) -> [JSON.Member] {
        guard let carried = result.carried else { return [] }
        return (try? JSON(parsing: carried, duplicateKeys: .kept))?.object ?? []
    }

    /// Returns the names for the header of a table that has columns of its own.
    ///
    /// - Parameter taken: the names of the table's own columns.
    func header(besides taken: [String]) -> [String] {
        var used = Set(taken.map(ExactText.init))
        return names.map { name in
            var name = name
            while !used.insert(ExactText(name)).inserted { name = "columns." + name }
            return name
        }
    }

    /// Returns a value as text: a text as it is, any other value as JSON; "" for null and where there is none.
    static func text(_ value: JSON?) -> String {
        switch value {
        case nil, .null?: return ""
        case .string(let text)?: return text
        case let value?:
            var writer = JSONWriter()
            writer.value(value)
            return String(decoding: writer.bytes, as: UTF8.self)
        }
    }
}
