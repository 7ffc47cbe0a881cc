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

    /// The values that came in a column.
    fileprivate struct Contents: OptionSet {
        let rawValue: UInt8
        static let boolean = Contents(rawValue: 1)
        static let integer = Contents(rawValue: 2)
        static let number = Contents(rawValue: 4)
        /// The texts of numbers that JSON does not have.
        static let notFinite = Contents(rawValue: 8)
        static let text = Contents(rawValue: 16)

        var kind: Kind {
            if isEmpty { return .unknown }
            if self == .boolean { return .boolean }
            if self == .integer { return .integer }
            // Only beside numbers with a fraction: such a column is one of doubles.
            return contains(.number) && isSubset(of: [.integer, .number, .notFinite]) ? .number : .text
        }
    }

    private(set) var names: [String] = []
    /// The kind of each column.
    var kinds: [Kind] { contents.map(\.kind) }
    private var contents: [Contents] = []
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
            contents.append([])
        }
        if let index = indices[name] { contents[index].insert(Contents(of: member.value)) }
    }

    /// Returns the double that a value of a column of numbers stands for; nil for other values.
    static func double(_ value: JSON) -> Double? {
        switch value {
        case .string(let text): notFinite[text]
        default: value.number
        }
    }

    /// What columns of doubles have for the numbers that JSON does not have.
    fileprivate static let notFinite: [String: Double] = ["nan": .nan, "inf": .infinity, "-inf": -.infinity]

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

extension CarriedColumns.Contents {
    fileprivate init(of value: JSON) {
        self =
            switch value {
            case .null: []
            case .bool: .boolean
            case .number: value.integer == nil ? .number : .integer
            case .string(let text): CarriedColumns.notFinite[text] == nil ? .text : .notFinite
            case .array, .object: .text
            }
    }
}
