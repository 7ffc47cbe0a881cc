/// A value of an option that cannot be used, or one that is missing: a usage error.
package struct OptionError: Error, Equatable, CustomStringConvertible {
    package let description: String

    package init(_ description: String) {
        self.description = description
    }
}
