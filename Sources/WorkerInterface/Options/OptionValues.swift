/// Values of a table's options, read as properties: `values.batchRows`. What was not given has its default.
@dynamicMemberLookup
package struct OptionValues<Table: OptionTable>: Sendable {
    /// What was given or set, by the option's name.
    private var values: [String: any Sendable] = [:]

    /// Nothing given.
    package init() {}

    /// Reads values.
    ///
    /// - Parameters:
    ///   - texts: by the option's name.
    ///   - options: those that can be given.
    /// - Throws: where a text means no value, or one that must be given is missing.
    package init(_ texts: [String: [String]], of options: [any AnyOptionDefinition]) throws(OptionError) {
        for option in options {
            let name = option.description.name
            if let value = try option.value(of: texts[name]) { values[name] = value }
        }
    }

    package subscript<Value>(dynamicMember path: KeyPath<Table, OptionDefinition<Value>>) -> Value {
        get {
            let option = Table.table[keyPath: path]
            guard let value = values[option.description.name] as? Value else { return option.defaultValue }
            return value
        }
        set { values[Table.table[keyPath: path].description.name] = newValue }
    }

    /// Returns whether an option has a value of its own, not only its default.
    package func isGiven<Value>(_ path: KeyPath<Table, OptionDefinition<Value>>) -> Bool {
        values[Table.table[keyPath: path].description.name] != nil
    }

    /// Takes over what was given in others.
    package mutating func merge(_ others: OptionValues) {
        values.merge(others.values) { _, new in new }
    }

    /// The flags that hand these values on to another program, in the table's order.
    package var arguments: [String] {
        given.flatMap { option, texts -> [String] in
            let flag = option.flag
            switch option.kind {
            case _ where option.isVariableOnly: return []
            case .toggle: return texts == ["1"] ? [flag] : []
            case .value, .list: return texts.flatMap { [flag, $0] }
            }
        }
    }

    /// The variables that hand these values on to another program.
    package var environment: [String: String] {
        var variables: [String: String] = [:]
        for (option, texts) in given {
            if case .list(let separator?) = option.kind {
                variables[option.variable] = texts.joined(separator: String(separator))
            } else if let text = texts.last {
                variables[option.variable] = text
            }
        }
        return variables
    }

    private var given: [(option: OptionDescription, texts: [String])] {
        Table.all.compactMap { option in
            values[option.description.name].map { (option.description, option.texts(of: $0)) }
        }
    }
}
