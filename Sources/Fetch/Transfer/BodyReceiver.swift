/// Where the bytes of a body go. It is called on the thread of the transfers only, but for what a type says.
protocol BodyReceiver: AnyObject, Sendable {
    /// Whether the bytes leave while more arrive. Such a transfer keeps no place that others could need, can continue
    /// in the middle, and cannot begin anew.
    var isStream: Bool { get }

    /// Bytes that were taken from the beginning.
    var count: Int64 { get }

    /// Takes all bytes or none.
    ///
    /// - Parameters:
    ///   - expected: size of the whole body in bytes; nil if it is not known.
    /// - Returns: whether there was room; if not, the same bytes come again later.
    func take(_ bytes: UnsafeRawBufferPointer, expected: Int64?, claim: MemoryBudget.Claim) -> Bool

    /// Whether the bytes that had no room have some now.
    func hasRoom(claim: MemoryBudget.Claim) -> Bool

    /// Forgets what was taken; not called for streams.
    func restart()

    /// Notes the head of the response whose body follows.
    func begin(_ response: FetchedResponse)

    /// Ends. Nothing is called afterwards.
    func finish(_ result: Result<FetchedResponse, FetchError>)
}
