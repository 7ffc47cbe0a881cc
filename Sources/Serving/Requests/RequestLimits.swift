import Queue

/// What a request may ask for.
package struct RequestLimits: Sendable {
    /// Bytes of a body.
    package var bodyBytes = 64 << 20
    /// Bytes of all bodies that are read at the same time.
    package var allBodiesBytes = 256 << 20
    package var pictures = 16
    /// Bytes of all pictures of a request together.
    package var pictureBytes = 32 << 20
    /// Answers of one request.
    package static let answers = 16
    package static let stops = 16
    package static let topLogprobs = 20
    /// The priority of what somebody waits for.
    package static let priority = 100

    package init() {}
}
