/// A world that cannot be planned, and what to ask for instead.
package struct PlanError: Error, CustomStringConvertible, Equatable {
    package let description: String

    init(_ description: String) { self.description = description }
}
