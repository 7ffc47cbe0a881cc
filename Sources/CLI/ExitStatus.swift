import Foundation
import Pictures
import Queue
import ShardPlan
import Tensor

/// How a command ends. Thrown where there is nothing more to say.
package struct ExitStatus: RawRepresentable, Error, Equatable {
    package let rawValue: Int32

    package init(rawValue: Int32) {
        self.rawValue = rawValue
    }

    static let done = ExitStatus(rawValue: 0)
    static let someJobsFailed = ExitStatus(rawValue: 1)
    static let usage = ExitStatus(rawValue: 2)
    package static let environment = ExitStatus(rawValue: 3)
    static let modelInvalid = ExitStatus(rawValue: 4)
    static let queueUnavailable = ExitStatus(rawValue: 5)
    static let internalFault = ExitStatus(rawValue: 70)

    /// As a shell reports it.
    static func signal(_ number: Int32) -> ExitStatus { ExitStatus(rawValue: 128 + number) }
}

/// An error on its way to a person: what to say, and the exit code.
package struct CommandFailure: Error {
    package let status: ExitStatus
    package let message: String

    init(_ status: ExitStatus, _ message: String) {
        self.status = status
        self.message = message
    }

    /// Nil for errors that are not ours.
    init?(_ error: any Error) {
        switch error {
        case let failure as CommandFailure: self = failure
        case let error as QueueError: self.init(Self.status(of: error), error.description)
        case let error as ModelError: self.init(.modelInvalid, error.description)
        case let error as PlanError: self.init(.usage, error.description)
        case let error as ImageError:
            self.init(error.code == .unwritable ? .environment : .someJobsFailed, error.description)
        case let error as CocoaError: self.init(.environment, error.localizedDescription)
        default: return nil
        }
    }

    private static func status(of error: QueueError) -> ExitStatus {
        switch error {
        case .otherContents, .unreadable, .badAddress: .usage
        default: .queueUnavailable
        }
    }
}
