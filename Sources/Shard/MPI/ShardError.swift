/// The reason why a rank cannot go on.
package enum ShardError: Error, CustomStringConvertible {
    /// A call of the message-passing library failed.
    case mpi(call: String, reason: String)
    /// A peer sent what it must not send.
    case protocolViolation(rank: Int, reason: String)
    /// A stage of this rank failed.
    case stage(reason: String)
    /// The folder for features cannot be used.
    case featureFolder(path: String, reason: String)

    package var description: String {
        switch self {
        case .mpi(let call, let reason): return "\(call) failed: \(reason)"
        case .protocolViolation(let rank, let reason): return "rank \(rank) sent \(reason)"
        case .stage(let reason): return reason
        case .featureFolder(let path, let reason):
            return "features cannot be kept in \(path): \(reason); give another --feature-folder"
        }
    }
}
