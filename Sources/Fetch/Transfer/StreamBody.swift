import Foundation

/// A body that is read while it arrives. The thread of the transfers puts bytes in, a reader takes them out, and where
/// the reader is slow the transfer pauses.
final class StreamBody: BodyReceiver, @unchecked Sendable {
    // @unchecked: every access to the state holds the condition's lock.
    private let condition = NSCondition()
    private let capacity: Int
    private var buffer: [UInt8] = []
    private var taken: Int64 = 0
    private var isPaused = false
    private var head: FetchedResponse?
    private var end: Result<FetchedResponse, FetchError>?
    private var resume: @Sendable () -> Void = {}

    /// - Parameter capacity: how many bytes wait for the reader at most.
    init(capacity: Int) { self.capacity = capacity }

    let isStream = true
    var count: Int64 { condition.withLock { taken } }

    /// Sets what is called when a paused transfer may go on.
    func onRoom(_ body: @escaping @Sendable () -> Void) { condition.withLock { resume = body } }

    func take(_ bytes: UnsafeRawBufferPointer, expected: Int64?, claim: MemoryBudget.Claim) -> Bool {
        condition.withLock {
            guard buffer.isEmpty || buffer.count + bytes.count <= capacity else {
                isPaused = true
                return false
            }
            buffer.append(contentsOf: bytes)
            taken += Int64(bytes.count)
            condition.broadcast()
            return true
        }
    }

    func hasRoom(claim: MemoryBudget.Claim) -> Bool { condition.withLock { !isPaused } }

    func restart() {}

    func begin(_ response: FetchedResponse) {
        condition.withLock {
            // That of the first try, where the stream began.
            if head == nil { head = response }
            condition.broadcast()
        }
    }

    func finish(_ result: Result<FetchedResponse, FetchError>) {
        condition.withLock {
            end = result
            condition.broadcast()
        }
    }

    /// Waits for bytes and takes all that are there.
    ///
    /// - Returns: nil at the end.
    /// - Throws: the error that ended the transfer, after the bytes before it were read.
    func next() throws(FetchError) -> [UInt8]? {
        condition.lock()
        while buffer.isEmpty, end == nil { condition.wait() }
        guard buffer.isEmpty else {
            let bytes = buffer
            buffer = []
            let goOn = isPaused ? resume : nil
            isPaused = false
            condition.unlock()
            goOn?()
            return bytes
        }
        let end = self.end
        condition.unlock()
        if case .failure(let error) = end { throw error }
        return nil
    }

    /// Waits for the head of the response.
    ///
    /// - Throws: the error that ended the transfer before.
    func response() throws(FetchError) -> FetchedResponse {
        let result: Result<FetchedResponse, FetchError> = condition.withLock {
            while true {
                if let head { return .success(head) }
                if let end { return end }
                condition.wait()
            }
        }
        return try result.get()
    }
}
