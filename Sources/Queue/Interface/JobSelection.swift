/// The jobs that an operation concerns.
package enum JobSelection: Sendable, Equatable {
    case all
    case ids([String])
    /// Those that ended with this code.
    case code(String)
}
