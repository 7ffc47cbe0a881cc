import ArgumentParser
import Base
import Foundation

/// Which options a command shows as flags.
package protocol OptionSource {
    static var descriptions: [OptionDescription] { get }
}

/// The flags of a source's options, as an option group of a command:
///
///     @OptionGroup(title: "World") var world: OptionFlags<RunOptions>
///
/// The argument parser finds the flags of a type in its mirror; this one's is made from the descriptions.
package struct OptionFlags<Source: OptionSource>: ParsableArguments {
    /// What was given on the command line, by the option's name.
    private var given: [String: [String]] = [:]

    package init() {}

    /// Takes what the argument parser found.
    ///
    /// - Throws: an error of the argument parser.
    package init(from decoder: any Decoder) throws {
        let container = try decoder.container(keyedBy: FlagKey.self)
        for option in Source.descriptions where !option.isVariableOnly {
            for name in [option.name] + option.legacyNames {
                let texts = try Self.texts(of: option, named: name, in: container)
                guard let texts else { continue }
                given[option.name, default: []] += name == option.name ? texts : texts.map(option.translated)
            }
        }
    }

    /// What was given for each option by its flag, else by its variable.
    package func texts(
        environment: [String: String] = ProcessEnvironment.variables
    ) -> [String: [String]] {
        var texts = given
        for option in Source.descriptions where texts[option.name] == nil {
            texts[option.name] = option.texts(in: environment)
        }
        return texts
    }

    private static func texts(
        of option: OptionDescription, named name: String, in container: KeyedDecodingContainer<FlagKey>
    ) throws -> [String]? {
        let key = FlagKey(stringValue: name)
        switch option.kind {
        case .value: return try container.decode(Option<String?>.self, forKey: key).wrappedValue.map { [$0] }
        case .list:
            let texts = try container.decode(Option<[String]>.self, forKey: key).wrappedValue
            return texts.isEmpty ? nil : texts
        case .toggle: return try container.decode(Flag<Bool>.self, forKey: key).wrappedValue ? ["1"] : nil
        }
    }
}

extension OptionFlags: CustomReflectable {
    package var customMirror: Mirror {
        let flags = Source.descriptions.filter { !$0.isVariableOnly }.flatMap { option in
            [(option.name, Self.flag(option, named: option.name, help: option.argumentHelp))]
                + option.legacyNames.map { ($0, Self.flag(option, named: $0, help: .hidden)) }
        }
        return Mirror(self, children: flags.map { (label: $0.0 as String?, value: $0.1) })
    }

    private static func flag(_ option: OptionDescription, named name: String, help: ArgumentHelp) -> Any {
        let long = NameSpecification.customLong(name)
        switch option.kind {
        case .value:
            return Option<String?>(
                wrappedValue: nil, name: long, parsing: option.allowsLeadingDash ? .unconditional : .next, help: help)
        case .list:
            return Option<[String]>(
                wrappedValue: [], name: long,
                parsing: option.allowsLeadingDash ? .unconditionalSingleValue : .singleValue, help: help)
        case .toggle: return Flag<Bool>(wrappedValue: false, name: long, help: help)
        }
    }
}

/// The name of a flag, by which the argument parser keeps its value.
private struct FlagKey: CodingKey {
    let stringValue: String
    var intValue: Int? { nil }

    init(stringValue: String) { self.stringValue = stringValue }
    init?(intValue: Int) { nil }
}

/// Some options of a table.
package protocol OptionSelection: OptionSource {
    associatedtype Table: OptionTable
    static var options: [any AnyOptionDefinition] { get }
}

extension OptionSelection {
    package static var descriptions: [OptionDescription] { options.map(\.description) }
}

extension OptionFlags where Source: OptionSelection {
    /// The values of the options: flag, else variable, else default.
    ///
    /// - Throws: where a text means no value, or one that must be given is missing.
    package func values(
        environment: [String: String] = ProcessEnvironment.variables
    ) throws(OptionError) -> OptionValues<Source.Table> {
        try OptionValues(texts(environment: environment), of: Source.options)
    }
}
