import Coordinator
import Foundation
import Queue
import ShardPlan
import Tensor

/// How the program ends; the same codes as `paligemma`.
enum ExitStatus: Int32 {
    case success = 0
    case jobsFailed = 1
    case usage = 2
    case environment = 3
    case model = 4
    case queue = 5
    case `internal` = 70
    /// Memory ran out: a rank's last words said so.
    case noMemory = 71
    /// A watchdog ended the world.
    case hung = 75
    /// For a supervisor, instead of 5: the queue will not take this world the next time either.
    case queueRefuses = 78
    case interrupted = 130
    case terminated = 143

    var code: Int32 { rawValue }

    /// The code of an error that ends a rank.
    init(_ error: any Error) {
        switch error {
        case let error as ModelError: self = error.code == .quantized ? .environment : .model
        case let error as QueueError: self = Self.isSupervised && Self.isFinal(error) ? .queueRefuses : .queue
        case is PlanError: self = .usage
        case is WorkerSettings.UsageError, is Kernels.UnknownKernels: self = .usage
        case is EnvironmentError: self = .environment
        case is NotDrained: self = .terminated
        default: self = .internal
        }
    }
}

extension ExitStatus {
    private static var isSupervised: Bool { ProcessInfo.processInfo.environment["PALIGEMMA_WORLD"] != nil }

    /// What no later attempt changes, as opposed to a queue that cannot be reached or has no room.
    private static func isFinal(_ error: QueueError) -> Bool {
        switch error {
        case .otherModel, .notAQueue, .newerSchema, .olderSchema, .networkFileSystem, .badAddress, .refused: true
        default: false
        }
    }
}

/// Something around the program is not as it must be.
struct EnvironmentError: Error, CustomStringConvertible {
    let description: String
}
