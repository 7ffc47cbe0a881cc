import Base
import Coordinator
import Foundation
import Hub
import PaliGemma
import Queue
import ShardPlan
import Tensor
import WorkerInterface

extension ExitStatus {
    /// The status of an error that ends a rank.
    init(_ error: any Error) {
        switch error {
        case let error as ModelError: self = error.code == .quantized ? .environment : .model
        case is HubError: self = .model
        case let error as QueueError: self = Self.isSupervised && Self.isFinal(error) ? .queueRefuses : .queue
        case is PlanError, is OptionError, is Kernels.UnavailableKernels: self = .usage
        case is EnvironmentError: self = .environment
        case is NotDrained: self = .signal(SIGTERM)
        default: self = .internalError
        }
    }

    private static var isSupervised: Bool {
        ProcessEnvironment.variables[WorkerOptions.table.worldName.description.variable] != nil
    }

    /// Returns whether no later attempt would change the error, as it would where a queue cannot be reached or has no
    /// room.
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
