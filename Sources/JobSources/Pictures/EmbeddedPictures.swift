import Base
import Pictures

extension Job {
    /// The maximum size of a file that is stored in a queue, in bytes; a larger one is better read at its path.
    private static let largestEmbedded: Int64 = 32 << 20

    /// Reads the pictures into the job, for worlds that cannot read the files. A picture that cannot be read makes the
    /// job fail, with the code that a world would report.
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

    /// The size of the pictures that are stored with the job, in bytes.
    package var embeddedBytes: Int { images.reduce(0) { $0 + ($1.bytes?.count ?? 0) } }
}
