/// One picture of a job, or a video: its path, and its size and time when the job was submitted.
package struct JobImage: Sendable, Equatable {
    /// The path as the person wrote it, which the results repeat.
    package var name: String
    /// Absolute, so that a worker finds it from any directory.
    package var path: String
    /// In bytes; nil where there was no file.
    package var size: Int64?
    /// The time of the last change, in nanoseconds since 1970; nil where there was no file.
    package var modified: Int64?
    /// The file itself, where it is stored in the queue; nil where it is read at its path. It is not part of the
    /// contents.
    package var bytes: [UInt8]?
    /// The number of frames that are taken from a video; nil for a picture.
    package var frames: Int?
    /// The number of pictures that the model gets of it.
    package var pictures: Int { frames ?? 1 }

    package init(
        name: String, path: String, size: Int64? = nil, modified: Int64? = nil, bytes: [UInt8]? = nil,
        frames: Int? = nil
    ) {
        self.frames = frames
        self.name = name
        self.path = path
        self.size = size
        self.modified = modified
        self.bytes = bytes
    }
}
