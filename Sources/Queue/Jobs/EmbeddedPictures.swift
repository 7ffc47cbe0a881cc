import Base
import Pictures

extension Job {
    /// Largest file that travels in a queue, in bytes; what is larger is better read where it lies.
    package static let largestEmbedded: Int64 = 32 << 20

    /// Reads the pictures into the job, for worlds that cannot see the files. A picture that cannot be read makes the
    /// job one that has failed, with the code that a world would have found.
    package mutating func embedPictures() {
        guard fault == nil else { return }
        for index in images.indices {
            do throws(FileError) {
                let file = try FileBytes(path: images[index].path, maximumSize: Self.largestEmbedded)
                images[index].bytes = file.bytes
                images[index].size = file.stamp.size
                images[index].modified = file.stamp.modificationTime
            } catch {
                for index in images.indices { images[index].bytes = nil }
                let error = ImageError(error)
                fault = JobFailure(code: error.code.rawValue, message: error.description)
                return
            }
        }
    }

    /// Bytes of pictures that travel with the job.
    package var embeddedBytes: Int { images.reduce(0) { $0 + ($1.bytes?.count ?? 0) } }
}
