/// One fetch on its way: its tries and redirects. Used by the thread of the transfers only, once it was handed over.
final class Transfer: @unchecked Sendable {
    // @unchecked: handed over to one thread.
    let id: Int
    let body: any BodyReceiver
    let group: FetchGroup?
    /// Whether a thread waits for it. Then it waits for no memory, and for no place that others keep while they wait
    /// for some.
    var isAwaited: Bool
    /// The request of the next try; a redirect changes its address.
    var request: HTTPRequest
    /// The state that the resource had in the first response, which later tries must find too.
    var validator: Validator?
    var redirects = 0
    /// Whether the bucket's region was corrected.
    var hasMoved = false
    /// Tries in a row that brought nothing.
    var failures = 0
    /// When the first connection began, on the clock of the loop; nil before.
    var started: Double?
    /// Bytes that had arrived when the last try began.
    var delivered: Int64 = 0
    /// The origin as one of whose transfers it counts; nil while it waits.
    var place: String?
    var attempt: Attempt?

    init(id: Int, request: HTTPRequest, body: any BodyReceiver, isAwaited: Bool = false, group: FetchGroup? = nil) {
        self.id = id
        self.request = request
        self.body = body
        self.isAwaited = isAwaited
        self.group = group
        validator = request.validator
    }
}
