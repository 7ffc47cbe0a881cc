/// Why a picture cannot be used. The code goes into a job's result, the text tells a person what to do.
package struct ImageError: Error, CustomStringConvertible, Equatable {
    package enum Code: String, Sendable, CaseIterable {
        /// There is no such file.
        case missing
        /// The file is there but cannot be read: permissions, a device, a failing disk.
        case unreadable
        /// The path is a directory.
        case isDirectory = "is_directory"
        /// The file holds no byte.
        case empty
        /// The file is not the one that was submitted, or it changed while it was read.
        case changed
        /// The file is not below the folder that files are read from.
        case notPermitted = "not_permitted"
        /// The bytes are no picture at all.
        case notAPicture = "not_a_picture"
        /// The bytes are a picture in a format, or of a kind, for which there is no decoder.
        case unsupportedFormat = "unsupported_format"
        /// The file ends before its picture does.
        case truncated
        /// The bytes contradict themselves or use a feature that the decoders do not have.
        case corrupt
        /// The picture or the file passes a limit.
        case tooLarge = "too_large"
        /// The picture takes longer to decode than any that was not made for that.
        case tooSlow = "too_slow"
        /// The picture has another size than the model takes, and is not to be resized.
        case wrongSize = "wrong_size"
        /// There is not enough memory to decode the picture.
        case noMemory = "no_memory"
        /// The program that reads videos is not there.
        case noProgram = "no_program"
        /// The file is no video, or one without frames.
        case noFrames = "no_frames"
        /// A video took too long to read.
        case timedOut = "timed_out"
        /// The picture cannot be written.
        case unwritable
    }

    package let code: Code
    /// The file, where one is known.
    package let path: String?
    package let reason: String

    package init(_ code: Code, at path: String? = nil, _ reason: String) {
        self.code = code
        self.path = path
        self.reason = reason
    }

    package var description: String { path.map { "\($0): \(reason)" } ?? reason }

    /// The same error, about this file.
    func located(at path: String) -> ImageError { ImageError(code, at: self.path ?? path, reason) }

    /// A picture whose file ends before the picture does.
    ///
    /// - Parameter format: the name of the format, like "PNG".
    static func truncated(_ format: String) -> ImageError {
        ImageError(.truncated, "this \(format) is truncated; copy it again")
    }
}
