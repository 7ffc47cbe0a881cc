import Fetch
import Pictures
import Queue

extension Coordinator {
    /// How a world works on its queue.
    package struct Settings: Sendable {
        /// Whether the world ends when the queue has nothing outstanding; otherwise it waits for more.
        package var drain: Bool
        /// How long a lease holds without renewal.
        package var lease: Duration
        /// "host:pid", for people to read.
        package var owner: String
        /// What the world says of itself in the queue; nil for nothing.
        package var record: WorldRecord?
        /// How long a drain may take before the leased jobs are given back.
        package var drainTimeout: Duration
        package var preparingThreads: Int
        package var resize: PictureResize
        package var image: ImageDecoder.Options
        /// Bounds the pictures that are decoded at the same time; nil for no bound.
        package var pictureBudget: PictureBudget?
        /// The folder below which files are read; nil for everywhere.
        package var pictureRoot: String?
        /// How pictures are fetched from servers.
        package var fetching: FetchSettings

        package init(
            drain: Bool, lease: Duration, owner: String, record: WorldRecord? = nil, drainTimeout: Duration,
            preparingThreads: Int = 2, resize: PictureResize = .pillow,
            image: ImageDecoder.Options = ImageDecoder.Options(), pictureBudget: PictureBudget? = nil,
            pictureRoot: String? = nil, fetching: FetchSettings = FetchSettings()
        ) {
            self.pictureRoot = pictureRoot
            self.fetching = fetching
            self.pictureBudget = pictureBudget
            self.resize = resize
            self.drainTimeout = drainTimeout
            self.drain = drain
            self.lease = lease
            self.owner = owner
            self.record = record
            self.preparingThreads = preparingThreads
            self.image = image
        }
    }

    /// The number of this world's jobs and pictures that the queue has recorded as ended.
    package struct Progress: Sendable, Equatable {
        package var answered = 0
        package var failed = 0
        package var pictures = 0
    }
}
