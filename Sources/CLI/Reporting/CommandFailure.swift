import Base
import Foundation
import Hub
import Pictures
import Queue
import ResultSinks
import Serving
import ShardPlan
import Tensor
import WorkerInterface

/// An error on its way to a person: what to report, and the exit code.
package struct CommandFailure: Error {
    package let status: ExitStatus
    package let message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message.onOneLine
    }

    /// Returns nil for errors that are not ours.
    init?(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as QueueError: self.init(Self.status(of: error), error.description)
        case let error as ModelError: self.init(.model, error.description)
        case let error as HubError: self.init(Self.status(of: error), error.description)
        case let error as PlanError: self.init(.usage, error.description)
        case let error as ImageError:
            self.init(error.code == .unwritable ? .environment : .jobsFailed, error.description)
        case let error as SinkError: self.init(error.isUsage ? .usage : .environment, error.description)
        case let error as StateError: self.init(error.isUsage ? .usage : .environment, error.description)
        case let error as CocoaError: self.init(.environment, error.localizedDescription)
        default: return nil
        }
    }

    private static func status(of error: HubError) -> ExitStatus {
        switch error.code {
        case .badName: .usage
        case .notInCache, .unusable: .model
        default: .environment
        }
    }

    private static func status(of error: QueueError) -> ExitStatus {
        switch error {
        case .otherContents, .unreadable, .badAddress: .usage
        default: .queue
        }
    }
}
