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
}
