import Base
import Pictures
import Queue

extension Job {
    /// The maximum size of a file that is stored in a queue, in bytes; a larger one is better read at its path.
    private static let largestEmbedded: Int64 = 32 << 20

    /// Reads the pictures into the job, for worlds that cannot read the files. A picture that cannot be read makes the
    /// job fail, with the code that a world would report.
    ///
    /// - Parameter store: Reads those that are no files of their own.
    package mutating func embedPictures(from store: PictureStore) {
        guard fault == nil else { return }
        for index in images.indices where images[index].bytes == nil {
            do {
                try embed(at: index, from: store)
            } catch {
                for index in images.indices { images[index].bytes = nil }
                fault = error.failure
                return
            }
        }
    }

    private mutating func embed(at index: Int, from store: PictureStore) throws(PictureFailure) {
        let image = images[index]
        if PictureStore.isRemote(image) {
            images[index].bytes = try store.fetchedBytes(of: image)
        } else if let part = image.part {
            images[index].bytes = try store.bytes(of: image, in: part)
        } else {
            do throws(FileError) {
                let file = try FileBytes(path: image.path, maximumSize: Self.largestEmbedded)
                images[index].bytes = file.bytes
                images[index].size = file.stamp.size
                images[index].modified = file.stamp.modificationTime
            } catch {
                throw PictureFailure(ImageError(error))
            }
        }
    }

    /// The size of the pictures that are stored with the job, in bytes.
    package var embeddedBytes: Int { images.reduce(0) { $0 + ($1.bytes?.count ?? 0) } }
}
