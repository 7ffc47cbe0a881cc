/// A table of options: a type whose stored properties are ``OptionDefinition``s, one for each option, in the order in which
/// help shows them.
package protocol OptionTable: Sendable {
    /// The only instance.
    static var table: Self { get }
    /// All options of the table, in its order.
    static var all: [any AnyOptionDefinition] { get }
}

extension OptionTable {
    /// Finds the definitions of a table; to be kept in ``all``.
    package static func definitions(of table: Self) -> [any AnyOptionDefinition] {
        Mirror(reflecting: table).children.compactMap { $0.value as? any AnyOptionDefinition }
    }

    /// Returns the options of some groups, in the table's order.
    package static func options(in groups: OptionGroupName...) -> [any AnyOptionDefinition] {
        all.filter { groups.contains($0.group) }
    }
}
