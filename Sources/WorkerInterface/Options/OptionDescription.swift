import ArgumentParser

/// How an option looks from outside: its flag, its environment variable, its help. Everything that a person may write is
/// made from these.
package struct OptionDescription: Sendable, Equatable {
    /// What follows the flag.
    package enum Kind: Sendable, Equatable {
        /// A value: `--name text`.
        case value
        /// A value, in a flag that may be given several times. The variable holds all of them with the separator between,
        /// or one where there is no separator.
        case list(separator: Character?)
        /// Nothing: the flag turns something on, as 1, true, yes or on in the variable does.
        case toggle
    }

    /// The flag without its dashes: "kv-budget".
    package let name: String
    /// The environment variable, which counts where the flag is not given: "PALIGEMMA_KV_BUDGET".
    package let variable: String
    package internal(set) var kind: Kind
    package let help: String
    /// What holds where nothing is given, for the help; nil for nothing. An option with a default value has that value
    /// here, unless something else is said.
    package internal(set) var defaultText: String?
    /// What the help calls the value.
    package let valueName: String?
    /// Former names of the flag. They still work, and no help shows them.
    package let legacyNames: [String]
    /// Former names of the variable.
    package let legacyVariables: [String]
    /// Texts that meant something else under a former name, and the texts that mean it now.
    let legacyTexts: [String: String]
    /// Whether a value may begin with a dash, as a negative number does.
    package let allowsLeadingDash: Bool
    /// Whether only the variable exists, for what one program tells another.
    package let isVariableOnly: Bool

    /// - Parameters:
    ///   - variable: without its prefix "PALIGEMMA_".
    ///   - legacyVariables: without it too.
    package init(
        _ name: String, variable: String, kind: Kind = .value, help: String, defaultText: String? = nil,
        valueName: String? = nil, legacyNames: [String] = [], legacyVariables: [String] = [],
        legacyTexts: [String: String] = [:], allowsLeadingDash: Bool = false, isVariableOnly: Bool = false
    ) {
        self.name = name
        self.variable = EnvironmentVariable.prefix + variable
        self.kind = kind
        self.help = help
        self.defaultText = defaultText
        self.valueName = valueName
        self.legacyNames = legacyNames
        self.legacyVariables = legacyVariables.map { EnvironmentVariable.prefix + $0 }
        self.legacyTexts = legacyTexts
        self.allowsLeadingDash = allowsLeadingDash
        self.isVariableOnly = isVariableOnly
    }

    /// The flag as it is written: "--kv-budget".
    package var flag: String { "--" + name }

    /// How messages call the option: "--kv-budget (PALIGEMMA_KV_BUDGET)".
    package var title: String { isVariableOnly ? variable : "\(flag) (\(variable))" }

    /// The help of the flag, which names the variable: "… [PALIGEMMA_KV_BUDGET; default: 2g]".
    package var argumentHelp: ArgumentHelp {
        EnvironmentVariable.help(help, variable: variable, defaultText: defaultText, valueName: valueName)
    }

    /// Returns the description with a text for the default, where it has none.
    func withDefault(_ text: String) -> OptionDescription {
        var description = self
        description.defaultText = defaultText ?? text
        return description
    }

    /// Returns what a text under a former name is called now.
    func translated(_ legacyText: String) -> String { legacyTexts[legacyText] ?? legacyText }

    /// The option's texts in an environment; nil where there are none. An empty variable counts as none.
    package func texts(in environment: [String: String]) -> [String]? {
        func text(of variable: String) -> String? { environment[variable].flatMap { $0.isEmpty ? nil : $0 } }
        guard let text = text(of: variable) ?? legacyVariables.lazy.compactMap(text).first.map(translated) else {
            return nil
        }
        if case .list(let separator?) = kind { return text.split(separator: separator).map(String.init) }
        return [text]
    }
}
