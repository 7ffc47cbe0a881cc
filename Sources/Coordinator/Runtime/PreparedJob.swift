import DecodingSettings
import Queue

/// What the vision stage and Gemma need of a job.
struct PreparedJob: Sendable {
    /// [side, side, 3] bytes of each picture, until they are sent.
    var pictures: [[UInt8]]
    /// The size of the job's only picture in its file; nil where there are several.
    let pictureSize: PictureSize?
    /// Whether parts of a picture were missing or broken and have been filled in.
    let isDamaged: Bool
    /// The token ids after the picture tokens.
    let textTokens: [Int32]
    let options: DecodingOptions
    let decoding: Decoding
    /// The adapter, by its index in the world's ``AdapterSet``; nil for none.
    let adapter: Int?
}
