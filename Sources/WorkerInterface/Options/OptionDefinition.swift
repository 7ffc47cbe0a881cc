import Base
import Foundation

/// One option of a table: how it looks, which values it takes, and how these are read and written.
package struct OptionDefinition<Value: Sendable>: Sendable {
    package let description: OptionDescription
    /// What holds where nothing is given.
    package let defaultValue: Value
    /// Which commands show the flag.
    package let group: OptionGroupName
    /// Whether a program that has the option cannot work without a value.
    let isRequired: Bool
    /// The end of the message about a wrong value: "a number from 1 is expected".
    let expectation: String
    /// Returns the value that the texts mean, or nil where they mean none. There is one text, unless the option is a list.
    let parse: @Sendable ([String]) -> Value?
    /// Returns the texts that mean a value; none where the option is to be left out.
    let serialize: @Sendable (Value) -> [String]
}

/// Groups of options, by what they are about; each command shows some of them.
package enum OptionGroupName: Sendable {
    /// Which model is used.
    case model
    /// How the model is split among ranks.
    case plan
    /// How a world computes.
    case world
    /// How long a world may take.
    case supervision
    /// What only the worker itself takes.
    case worker
}

/// A definition whatever its value's type is.
package protocol AnyOptionDefinition: Sendable {
    var description: OptionDescription { get }
    var group: OptionGroupName { get }

    /// Reads a value.
    ///
    /// - Parameter texts: what was given; nil where nothing was.
    /// - Returns: nil where nothing was given.
    /// - Throws: where the texts mean no value, or nothing was given and something must be.
    func value(of texts: [String]?) throws(OptionError) -> (any Sendable)?

    /// Returns the texts that mean a value of the definition's type; none for a value of another type.
    func texts(of value: any Sendable) -> [String]
}

extension OptionDefinition: AnyOptionDefinition {
    /// Implements ``AnyOptionDefinition``.
    ///
    /// - Throws: ``OptionError`` where a text means no value, or one that must be given is missing.
    package func value(of texts: [String]?) throws(OptionError) -> (any Sendable)? {
        guard let texts else {
            guard !isRequired else {
                throw OptionError("Missing '\(description.flag)': give it, or set \(description.variable).")
            }
            return nil
        }
        guard let value = parse(texts) else {
            throw OptionError("\(description.title) is \(texts.joined(separator: ", ")); \(expectation)")
        }
        return value
    }

    package func texts(of value: any Sendable) -> [String] {
        (value as? Value).map(serialize) ?? []
    }
}

// MARK: Kinds of options

extension OptionDefinition {
    /// A text without a default.
    package static func text(_ description: OptionDescription, _ group: OptionGroupName) -> OptionDefinition
    where Value == String? {
        OptionDefinition(
            description: description, defaultValue: nil, group: group, isRequired: false,
            expectation: "a text is expected",
            parse: { .some($0.last) }, serialize: { $0.map { [$0] } ?? [] })
    }

    /// A text that must be given.
    package static func requiredText(_ description: OptionDescription, _ group: OptionGroupName) -> OptionDefinition
    where Value == String {
        OptionDefinition(
            description: description, defaultValue: "", group: group, isRequired: true,
            expectation: "a text is expected",
            parse: \.last, serialize: { [$0] })
    }

    /// Texts, none without a default.
    package static func texts(_ description: OptionDescription, _ group: OptionGroupName) -> OptionDefinition
    where Value == [String] {
        OptionDefinition(
            description: description, defaultValue: [], group: group, isRequired: false,
            expectation: "texts are expected", parse: { $0 }, serialize: { $0 })
    }

    /// Something that is off unless it is turned on.
    package static func toggle(_ description: OptionDescription, _ group: OptionGroupName) -> OptionDefinition
    where Value == Bool {
        var description = description
        description.kind = .toggle
        return OptionDefinition(
            description: description, defaultValue: false, group: group, isRequired: false,
            expectation: "1 or 0 is expected", parse: { $0.last.flatMap(EnvironmentVariable.toggle) },
            serialize: { [$0 ? "1" : "0"] })
    }

    /// A whole number with a default.
    package static func count(
        _ description: OptionDescription, _ group: OptionGroupName, default defaultValue: Int, minimum: Int = 1
    ) -> OptionDefinition where Value == Int {
        OptionDefinition(
            description: description.withDefault("\(defaultValue)"), defaultValue: defaultValue, group: group,
            isRequired: false,
            expectation: "a number from \(minimum) is expected",
            parse: { $0.last.flatMap { Int($0) }.flatMap { $0 >= minimum ? $0 : nil } }, serialize: { ["\($0)"] })
    }

    /// A whole number without a default.
    package static func count(
        _ description: OptionDescription, _ group: OptionGroupName, minimum: Int = 1
    ) -> OptionDefinition where Value == Int? {
        OptionDefinition(
            description: description, defaultValue: nil, group: group, isRequired: false,
            expectation: "a number from \(minimum) is expected",
            parse: { texts in
                guard let number = texts.last.flatMap({ Int($0) }), number >= minimum else { return nil }
                return .some(number)
            }, serialize: { $0.map { ["\($0)"] } ?? [] })
    }

    /// A number of bytes, written as 2g, 512m or 1000000.
    ///
    /// - Parameters:
    ///   - defaultValue: as people write it.
    ///   - mayBeZero: whether 0 is a value too.
    package static func bytes(
        _ description: OptionDescription, _ group: OptionGroupName, default defaultValue: String,
        mayBeZero: Bool = false
    ) -> OptionDefinition where Value == Int {
        OptionDefinition(
            description: description.withDefault(defaultValue),
            defaultValue: ByteSize(defaultValue, allowsZero: mayBeZero)?.bytes ?? 0, group: group, isRequired: false,
            expectation: "a size such as 2g, 512m or 1000000 is expected",
            parse: { $0.last.flatMap { ByteSize($0, allowsZero: mayBeZero)?.bytes } }, serialize: { ["\($0)"] })
    }

    /// Seconds, up to a million.
    package static func seconds(
        _ description: OptionDescription, _ group: OptionGroupName, default defaultValue: Double, expectation: String,
        isValid: @escaping @Sendable (Double) -> Bool = { $0 >= 0 }
    ) -> OptionDefinition where Value == Double {
        OptionDefinition(
            description: description.withDefault(String(format: "%g", defaultValue)), defaultValue: defaultValue,
            group: group, isRequired: false, expectation: expectation,
            parse: { texts in
                guard let seconds = texts.last.flatMap({ Double($0) }), seconds <= 1e6, isValid(seconds) else {
                    return nil
                }
                return seconds
            }, serialize: { ["\($0)"] })
    }

    /// One of several names.
    package static func choice(
        _ description: OptionDescription, _ group: OptionGroupName, default defaultValue: Value
    ) -> OptionDefinition where Value: RawRepresentable<String> & CaseIterable {
        OptionDefinition(
            description: description.withDefault(defaultValue.rawValue), defaultValue: defaultValue, group: group,
            isRequired: false,
            expectation: "\(names(of: Value.self)) is expected", parse: { $0.last.flatMap { Value(rawValue: $0) } },
            serialize: { [$0.rawValue] })
    }

    /// One of several names, or none.
    package static func choice<Choice>(
        _ description: OptionDescription, _ group: OptionGroupName
    ) -> OptionDefinition where Value == Choice?, Choice: RawRepresentable<String> & CaseIterable {
        OptionDefinition(
            description: description, defaultValue: nil, group: group, isRequired: false,
            expectation: "\(names(of: Choice.self)) is expected",
            parse: { texts in
                guard let choice = texts.last.flatMap({ Choice(rawValue: $0) }) else { return nil }
                return .some(choice)
            }, serialize: { $0.map { [$0.rawValue] } ?? [] })
    }

    /// Returns the names of an enumeration: "bf16 or int8", "one of a, b, c".
    private static func names<Choice: RawRepresentable<String> & CaseIterable>(of: Choice.Type) -> String {
        let names = Choice.allCases.map(\.rawValue)
        return names.count == 2 ? names.joined(separator: " or ") : "one of " + names.joined(separator: ", ")
    }
}
