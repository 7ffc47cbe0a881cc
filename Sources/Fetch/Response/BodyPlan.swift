/// What becomes of the body of a response, decided when its head is complete.
enum BodyPlan: Equatable {
    /// It is what was asked for. The first `skip` bytes are there already; then `count` bytes are expected, nil if that
    /// is not known.
    case take(skip: Int64, count: Int64?)
    /// Everything is there already.
    case nothing
    /// It says why the server refuses, or where the resource is.
    case explanation

    /// - Parameters:
    ///   - delivered: bytes of an earlier try that were delivered and cannot be taken back.
    ///   - validator: the state that the resource is to have; nil for any.
    ///   - canSkip: whether a whole body may be read where a part was asked for.
    /// - Throws: ``FetchError`` where the body is not what was asked for.
    init(
        _ head: ResponseHead, request: HTTPRequest, delivered: Int64, validator: Validator?, canSkip: Bool
    ) throws(FetchError) {
        func fault(_ code: FetchError.Code, mayHelpLater: Bool = false, _ reason: String) -> FetchError {
            FetchError(code, at: request.source, status: head.status, mayHelpLater: mayHelpLater, reason)
        }
        let start = (request.range?.offset ?? 0) + delivered
        let asksForPart = request.range != nil || delivered > 0
        if head.status == 416, delivered > 0, request.range == nil, head.contentRange?.total == start {
            self = .nothing
            return
        }
        guard head.isSuccess else {
            self = .explanation
            return
        }
        if let validator, let now = head.validator, !validator.agrees(with: now) {
            throw fault(.changed, "it is no longer what it was before: the server has another version")
        }
        if head.status == 206 {
            guard asksForPart, let range = head.contentRange, let part = range.part, part.lowerBound == start else {
                throw fault(.badResponse, "the server sent another part than the one that was asked for")
            }
            if let end = request.range?.end {
                guard part.upperBound >= end - 1 else {
                    throw fault(
                        .outOfRange, "it ends at byte \(part.upperBound + 1), before byte \(end) that is needed")
                }
                guard part.upperBound < end else {
                    throw fault(.badResponse, "the server sent a larger part than was asked for")
                }
            }
            self = .take(skip: 0, count: part.upperBound - start + 1)
            return
        }
        guard asksForPart else {
            self = .take(skip: 0, count: head.contentLength)
            return
        }
        guard canSkip, request.range?.count == nil else {
            throw fault(
                .noRanges, "the server sends only whole files, but a part is needed (it ignores the header Range)")
        }
        guard delivered == 0 || validator != nil && head.validator != nil else {
            throw fault(.changed, "the server cannot say whether it is still the same, so it cannot be continued")
        }
        guard head.contentLength ?? start >= start else {
            throw fault(.outOfRange, "it has \(head.contentLength ?? 0) bytes; bytes from \(start) on are needed")
        }
        self = .take(skip: start, count: head.contentLength.map { $0 - start })
    }
}
