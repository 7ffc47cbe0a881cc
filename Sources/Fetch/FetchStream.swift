/// A body that is read while it arrives. Reading slowly slows the server down; letting go of the stream ends it.
package final class FetchStream: Sendable {
    private let body: StreamBody
    private let handle: FetchHandle

    init(body: StreamBody, handle: FetchHandle) {
        self.body = body
        self.handle = handle
    }

    deinit { handle.cancel() }

    /// Waits for the head of the response.
    ///
    /// - Throws: ``FetchError``.
    package func response() throws(FetchError) -> FetchedResponse { try body.response() }

    /// Waits for the next bytes.
    ///
    /// - Returns: what has arrived, at least one byte; nil at the end.
    /// - Throws: ``FetchError`` once, after the bytes that arrived before it were returned.
    package func next() throws(FetchError) -> [UInt8]? { try body.next() }

    /// Ends the stream; who waits for bytes gets the code `canceled`.
    package func cancel() { handle.cancel() }
}
