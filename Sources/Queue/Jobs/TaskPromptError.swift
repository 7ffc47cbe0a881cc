/// A task without what it needs, or with what it does not take; says what to change.
package struct TaskPromptError: Error, Sendable, CustomStringConvertible {
    package let description: String

    init(_ description: String) { self.description = description }
}
