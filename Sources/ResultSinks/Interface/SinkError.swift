import Base
import Glibc

/// Why results cannot be put where they were to go.
package struct SinkError: Error, CustomStringConvertible, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        /// The file system has no room left.
        case diskFull = "disk_full"
        /// The folder of the output is not there.
        case missingFolder = "missing_folder"
        /// The output may not be written, or lies on a file system that is read only.
        case notPermitted = "not_permitted"
        /// The system refuses the output's name.
        case badName = "bad_name"
        /// The output cannot be written for another reason.
        case unwritable
        /// The output would replace something that is read.
        case isInput = "is_input"
        /// The output would replace or add to a file that is no text.
        case notText = "not_text"
        /// Two answers would get one place.
        case collision
        /// The format and the place of the output do not fit each other.
        case badPlace = "bad_place"
        /// The jobs have more columns of their own than a table can have.
        case tooManyColumns = "too_many_columns"
        /// A file of pictures and categories cannot be used.
        case badReference = "bad_reference"
        /// What an earlier run has noted about its output cannot be read.
        case badLog = "bad_log"
        /// A picture that is to be copied is not where it was.
        case missingPicture = "missing_picture"
    }

    package let code: Code
    /// The file or folder that the error is about.
    package let place: String
    package let reason: String

    package init(_ code: Code, at place: String, _ reason: String) {
        self.code = code
        self.place = place
        self.reason = reason
    }

    /// The error of a system call that writes the file at `path`.
    package init(_ error: SystemError, writing path: String) {
        let folder = path.parentPath.isEmpty ? "." : path.parentPath
        let (code, cause): (Code, String) =
            switch error.number {
            case ENOSPC, EDQUOT: (.diskFull, "no space left")
            case ENOENT where !FileSystem.isFolder(folder): (.missingFolder, "the folder \(folder) is not there")
            case ENOTDIR: (.missingFolder, "\(folder) is not a folder")
            case EACCES, EPERM: (.notPermitted, "it may not be written; check the permissions of \(folder)")
            case EROFS: (.notPermitted, "the file system is read only")
            case ENAMETOOLONG: (.badName, "its name is too long for the file system")
            case EINVAL where path.utf8.contains(0): (.badName, "its name holds a NUL character")
            case EISDIR: (.badPlace, "there is a folder of that name")
            default: (.unwritable, error.description)
            }
        self.init(
            code, at: path,
            "\(cause); no result is lost, they are in the queue: mend this and start the same command again")
    }

    package var description: String {
        switch code {
        case .diskFull, .missingFolder, .notPermitted, .badName, .unwritable: "cannot write \(place): \(reason)"
        default: "\(place): \(reason)"
        }
    }

    /// Whether another command line mends it, and not another state of the machine.
    package var isUsage: Bool {
        switch code {
        case .isInput, .notText, .collision, .badPlace, .tooManyColumns, .badReference: true
        default: false
        }
    }
}
