import Base
import Queue

/// Jobs of a batch that are submitted in one transaction.
struct BatchPortion {
    private var jobs: [Job] = []
    private var bytes = 0

    private static let maximumJobs = 256
    private static let maximumBytes = 16 << 20
    /// What an address may turn out to be is counted in advance.
    private static let expectedBytes = 2 << 20
    private static let fetchesAtOnce = 8

    var isFull: Bool { jobs.count >= Self.maximumJobs || bytes >= Self.maximumBytes }

    /// Adds a job of the file, whose id is its `custom_id`.
    mutating func add(_ job: Job, prefix: String) {
        var job = job
        job.id = prefix + job.id
        job.source = nil
        for index in job.images.indices {
            // Where it stood in the file is not what it is called.
            let isInside = job.images[index].bytes != nil
            if isInside { job.images[index].path = "\(job.id)#\(index)" }
            bytes += job.images[index].bytes?.count ?? Self.expectedBytes
        }
        jobs.append(job)
    }

    /// Fetches the pictures that are not there. A job whose picture cannot be had fails.
    mutating func fetch(with pictures: BatchPictures) {
        var wanted: [(job: Int, image: Int)] = []
        for (number, job) in jobs.enumerated() {
            for (index, image) in job.images.enumerated() where image.bytes == nil { wanted.append((number, index)) }
        }
        for start in stride(from: 0, to: wanted.count, by: Self.fetchesAtOnce) {
            let part = wanted[start..<min(start + Self.fetchesAtOnce, wanted.count)]
            let results = pictures.fetch(part.map { jobs[$0.job].images[$0.image].path })
            for (place, result) in zip(part, results) {
                switch result {
                case .success(let data): embed(data, place.image, in: place.job)
                case .failure(let error):
                    jobs[place.job].fault = JobFailure(code: error.code, message: error.message)
                }
            }
        }
        for index in jobs.indices {
            let size = jobs[index].images.reduce(0) { $0 + ($1.bytes?.count ?? 0) }
            if jobs[index].fault == nil, size > pictures.maximumBytes {
                jobs[index].fault = JobFailure(
                    code: "request_too_large",
                    message:
                        "the pictures have more than \(pictures.maximumBytes >> 20) MiB; send smaller ones, or fewer")
            }
            if jobs[index].fault != nil { jobs[index].images = [] }
        }
    }

    private mutating func embed(_ data: [UInt8], _ image: Int, in job: Int) {
        let name = jobs[job].images[image].name
        let path = "\(jobs[job].id)#\(image)"
        jobs[job].images[image] = JobImage(
            name: name, path: path, size: Int64(data.count), contentHash: ContentHash.hexadecimal(of: data), bytes: data
        )
    }

    /// Submits the jobs. What is in the queue already stays: a service that was killed submitted it, and a picture may have been
    /// another when it was fetched then.
    ///
    /// - Throws: `QueueError`.
    func submit(to queue: any JobQueue) throws(QueueError) {
        guard !jobs.isEmpty else { return }
        do throws(QueueError) {
            _ = try queue.submit(jobs, otherContents: .refuse)
        } catch {
            guard case .otherContents = error else { throw error }
            for job in jobs {
                do throws(QueueError) {
                    _ = try queue.submit([job], otherContents: .refuse)
                } catch {
                    guard case .otherContents = error else { throw error }
                }
            }
        }
    }
}
