import Base
import Pictures
import Queue

/// Pictures that changed since their jobs were submitted: files that were copied, restored or given new times.
package enum ChangedPictures {
    private static let page = 1000

    /// Notes the pictures of jobs that failed because they had changed as they are now, so that another attempt takes them.
    ///
    /// - Parameter selects: Whether a job is one of those to be tried again, by its id.
    /// - Returns: The number of jobs whose pictures were noted anew.
    /// - Throws: Where the queue cannot be used.
    package static func accept(in queue: any JobQueue, _ selects: (String) -> Bool) throws(QueueError) -> Int {
        var (last, count): (Int64, Int) = (0, 0)
        while true {
            let jobs = try queue.picturesOfFailed(
                code: ImageError.Code.changed.rawValue, afterSequence: last, limit: page)
            var changed: [FailedPictures] = []
            for job in jobs where selects(job.id) {
                let images = job.images.map(current)
                if images != job.images {
                    changed.append(FailedPictures(sequence: job.sequence, id: job.id, images: images))
                }
            }
            if !changed.isEmpty { try queue.replacePictures(changed) }
            count += changed.count
            guard let end = jobs.last else { return count }
            last = end.sequence
        }
    }

    /// Returns a picture with what is verified of it as it is now; one that is not to be seen from here stays as it is.
    private static func current(_ image: JobImage) -> JobImage {
        // A part of a file lies elsewhere in another file.
        guard image.part == nil, let status = FileStatus(image.path), status.isRegular else { return image }
        var image = image
        if image.size != nil { image.size = status.size }
        if image.modified != nil { image.modified = status.modified }
        if image.contentHash != nil { image.contentHash = try? PictureLocator.contentHash(of: image.path) }
        return image
    }
}
