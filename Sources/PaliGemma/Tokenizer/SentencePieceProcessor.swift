import CSentencePiece

/// A loaded SentencePiece model. It is never changed after loading, so any thread may use it.
final class SentencePieceProcessor: @unchecked Sendable {
    private let handle: OpaquePointer
    /// Number of pieces; ids run from 0 to below it.
    let count: Int

    enum Kind: Int32 {
        case normal = 0
        case unknown, control, unused, byte
    }

    /// A text that libsentencepiece says it cannot load.
    struct LoadError: Error {
        let reason: String
    }

    /// - Parameter proto: a serialized ModelProto.
    init(_ proto: [UInt8]) throws(LoadError) {
        var reason = ""
        let loaded = withUnsafeTemporaryAllocation(of: CChar.self, capacity: 512) { message in
            message.initialize(repeating: 0)
            let handle = pg_sentencepiece_load(proto, proto.count, message.baseAddress, message.count)
            if let text = message.baseAddress { reason = String(cString: text) }
            return handle
        }
        guard let loaded else { throw LoadError(reason: reason) }
        handle = loaded
        count = Int(pg_sentencepiece_count(loaded))
    }

    deinit { pg_sentencepiece_free(handle) }

    /// The ids of a text; nil where the library fails, which it does for no text that Swift can hold.
    func encode(_ text: String) -> [Int32]? {
        var text = text
        return text.withUTF8 { bytes -> [Int32]? in
            // An empty string may have no address.
            guard let start = bytes.baseAddress, !bytes.isEmpty else { return [] }
            var ids: UnsafeMutablePointer<Int32>?
            var count = 0
            let status = start.withMemoryRebound(to: CChar.self, capacity: bytes.count) {
                pg_sentencepiece_encode(handle, $0, bytes.count, &ids, &count)
            }
            guard status == 0 else { return nil }
            defer { pg_sentencepiece_free_ids(ids) }
            return Array(UnsafeBufferPointer(start: ids, count: count))
        }
    }

    /// The piece of an id, in which a space is U+2581.
    ///
    /// - Precondition: the id lies below `count`.
    func piece(_ id: Int) -> String {
        precondition(id >= 0 && id < count)
        var length = 0
        guard let text = pg_sentencepiece_piece(handle, Int32(id), &length) else { return "" }
        return text.withMemoryRebound(to: UInt8.self, capacity: length) {
            String(decoding: UnsafeBufferPointer(start: $0, count: length), as: UTF8.self)
        }
    }

    /// - Precondition: the id lies below `count`.
    func kind(_ id: Int) -> Kind {
        precondition(id >= 0 && id < count)
        return Kind(rawValue: pg_sentencepiece_kind(handle, Int32(id))) ?? .normal
    }
}
