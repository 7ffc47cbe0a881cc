import Base

/// A body that is collected in memory.
final class MemoryBody: BodyReceiver, @unchecked Sendable {
    // @unchecked: used by the thread of the transfers only; `completion` ends that.

    /// What a body takes of the budget before its size is known, in bytes.
    static let firstShare = 128 << 10

    private let limit: Int
    private let group: FetchGroup?
    private let isKept: Bool
    private var bytes: [UInt8] = []
    private var share: MemoryBudget.Share?
    /// What the last bytes that found no room would have needed.
    private var needed = 0
    private let completion: (Result<(FetchedResponse, [UInt8], MemoryBudget.Share?), FetchError>) -> Void

    /// - Parameters:
    ///   - limit: size of the largest body in bytes.
    ///   - group: what it is of use together with; nil where it is alone.
    ///   - isKept: whether its reader keeps it, so that others must not wait for it to go.
    ///   - completion: called once, with the body and the share of the budget that is to be held as long as the body.
    init(
        limit: Int, group: FetchGroup? = nil, isKept: Bool = false,
        completion: @escaping @Sendable (Result<(FetchedResponse, [UInt8], MemoryBudget.Share?), FetchError>) -> Void
    ) {
        self.limit = limit
        self.group = group
        self.isKept = isKept
        self.completion = completion
    }

    let isStream = false
    var count: Int64 { Int64(bytes.count) }

    /// Gives the body its first share of the budget, before each try.
    func admit(_ share: MemoryBudget.Share) { self.share = share }

    func take(_ more: UnsafeRawBufferPointer, expected: Int64?, claim: MemoryBudget.Claim) -> Bool {
        let sum = bytes.count + more.count
        let known = Int(clamping: min(expected ?? 0, Int64(limit)))
        // Without a known size the array doubles.
        needed = max(sum, known > 0 ? known : min(limit, sum > bytes.capacity ? 2 * sum : bytes.capacity))
        guard hasRoom(claim: claim) else { return false }
        if bytes.capacity < needed { bytes.reserveCapacity(needed) }
        bytes.append(contentsOf: more)
        return true
    }

    func hasRoom(claim: MemoryBudget.Claim) -> Bool { share?.grow(to: needed, claim) ?? true }

    func restart() {
        bytes = []
        share = nil
    }

    func begin(_ response: FetchedResponse) {}

    func finish(_ result: Result<FetchedResponse, FetchError>) {
        let (body, held) = (bytes, share)
        restart()
        if case .success = result {
            if isKept { held?.shrink(to: body.capacity) } else { held?.finish(at: body.capacity, of: group) }
        }
        completion(result.map { ($0, body, held) })
    }
}
