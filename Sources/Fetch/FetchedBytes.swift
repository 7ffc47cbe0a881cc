import Base

/// A body in memory. As long as this value is there, its bytes count in the budget of the fetcher; let go of it as soon
/// as the bytes are decoded.
package struct FetchedBytes: Sendable {
    package let response: FetchedResponse
    package let bytes: [UInt8]
    private let share: MemoryBudget.Share?

    init(response: FetchedResponse, bytes: [UInt8], share: MemoryBudget.Share?) {
        self.response = response
        self.bytes = bytes
        self.share = share
    }

    /// The hash that names the contents, as for files.
    package var contentHash: String { ContentHash.hexadecimal(of: bytes) }
}

/// Bytes that were made of fetched ones. As long as this value is there, they count in the budget of the fetcher.
package struct HeldBytes: Sendable {
    package let bytes: [UInt8]
    private let share: MemoryBudget.Share

    init(bytes: [UInt8], share: MemoryBudget.Share) {
        self.bytes = bytes
        self.share = share
    }
}
