import Base
import Fetch
import Pictures
import Queue
import Tables

/// Why the bytes of a picture cannot be had.
package struct PictureFailure: Error, Sendable, CustomStringConvertible {
    /// What the job's result says.
    package let failure: JobFailure
    /// Whether a later attempt cannot help.
    package let isPermanent: Bool

    package var description: String { failure.message }

    init(_ failure: JobFailure) {
        self.failure = failure
        isPermanent = true
    }

    init(_ error: ImageError) {
        failure = JobFailure(code: error.code.rawValue, message: error.description)
        isPermanent = error.code != .noMemory
    }

    /// The failure of what was fetched of a server for a picture.
    init(_ error: FetchError, of image: JobImage) {
        guard error.code != .changed else {
            self.init(ImageError(changed: image))
            return
        }
        self.init(error)
    }

    init(_ error: FetchError) {
        failure = JobFailure(code: error.code.rawValue, message: error.description)
        isPermanent = !error.mayHelpLater
    }

    /// The failure of a table that holds the picture.
    init(_ error: any Error, of image: JobImage) {
        switch error {
        case let error as PictureFailure: self = error
        case let error as ImageError: self.init(error)
        case let error as FileError: self.init(ImageError(error))
        case let error as FetchError: self.init(error, of: image)
        case let error as TableError:
            self.init(JobFailure(code: error.code.rawValue, message: "\(image.name): \(error.reason)"))
        default:
            self.init(JobFailure(code: "unreadable", message: "\(image.name): \(error)"))
        }
    }
}
