import ArgumentParser

/// What all of the software's environment variables have in common.
package enum EnvironmentVariable {
    package static let prefix = "PALIGEMMA_"

    /// Returns whether a text turns something on or off, or nil where it does neither.
    package static func toggle(_ text: String) -> Bool? {
        switch text.lowercased() {
        case "1", "true", "yes", "on": true
        case "", "0", "false", "no", "off": false
        default: nil
        }
    }

    /// Returns the help of a flag that names its variable: "… [PALIGEMMA_KV_BUDGET; default: 2g]".
    ///
    /// - Parameters:
    ///   - variable: with its prefix.
    ///   - defaultText: what holds where nothing is given; nil for nothing.
    package static func help(
        _ text: String, variable: String, defaultText: String?, valueName: String?
    ) -> ArgumentHelp {
        let defaultPart = defaultText.map { "; default: \($0)" } ?? ""
        return ArgumentHelp("\(text) [\(variable)\(defaultPart)]", valueName: valueName)
    }
}
