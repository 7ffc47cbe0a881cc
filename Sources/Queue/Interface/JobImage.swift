import Base

/// One picture of a job, or a video: where it is, and its size and time when the job was submitted.
package struct JobImage: Sendable, Equatable {
    /// The name that the person gave it, which the results repeat.
    package var name: String
    /// The absolute path of its file, so that a worker finds it from any folder, or its address.
    package var path: String
    /// In bytes; nil where it is not known, or not to be verified.
    package var size: Int64?
    /// The time of the last change of the file, as ``FileStamp`` has it; nil where it is not known, or not to be verified.
    package var modified: Int64?
    /// XXH3-128 of its bytes, 32 hexadecimal digits, where they are to be verified by the worker; else nil.
    package var contentHash: String?
    /// The state of the file of a server of which it is a part, where it is to be verified by the worker; else nil.
    package var validator: Validator?
    /// Where in the file it is; nil where it is the whole file.
    package var part: Part?
    /// The picture's bytes, where they are stored in the queue; nil where it is read at its path. They are not part of the
    /// contents.
    package var bytes: [UInt8]?
    /// The number of frames that are taken from a video; nil for a picture.
    package var frames: Int?
    /// The number of pictures that the model gets of it.
    package var pictures: Int { frames ?? 1 }

    /// A place inside a file that holds many pictures.
    package enum Part: Sendable, Hashable {
        /// Bytes of a tar shard that is not compressed.
        case range(offset: Int64, count: Int64)
        /// A cell of a parquet file; rows count from 0.
        case cell(column: String, row: Int64)
    }

    /// What a server said that tells two states of a file apart: the headers ETag and Last-Modified, one of them at least.
    package struct Validator: Sendable, Hashable {
        package let entityTag: String?
        package let lastModified: String?

        package init(entityTag: String?, lastModified: String?) {
            (self.entityTag, self.lastModified) = (entityTag, lastModified)
        }
    }

    package init(
        name: String, path: String, size: Int64? = nil, modified: Int64? = nil, contentHash: String? = nil,
        validator: Validator? = nil, part: Part? = nil, bytes: [UInt8]? = nil, frames: Int? = nil
    ) {
        self.name = name
        self.path = path
        self.size = size
        self.modified = modified
        self.contentHash = contentHash
        self.validator = validator
        self.part = part
        self.bytes = bytes
        self.frames = frames
    }
}
