/// `s3://BUCKET/KEY`. A key is any text: `?`, `#` and `%` in it mean themselves.
package struct S3Location: Sendable, Equatable {
    private static let scheme = "s3://"

    let bucket: String
    let key: String

    /// - Returns: nil for an address of another kind.
    /// - Throws: ``FetchError`` with code `bad_url` for one that names no bucket.
    init?(_ address: String) throws(FetchError) {
        guard Self.isObject(address) else { return nil }
        let rest = address.dropFirst(Self.scheme.count)
        let bucket = rest.prefix { $0 != "/" }
        func fault(_ reason: String) -> FetchError { FetchError(.badURL, at: MaskedURL.text(address), reason) }
        guard (3...255).contains(bucket.utf8.count), bucket.utf8.allSatisfy(Self.isAllowed) else {
            throw fault("the address names no bucket; it is s3://BUCKET/KEY")
        }
        let key = rest[bucket.endIndex...].dropFirst()
        guard key.utf8.count <= 1024, !key.utf8.contains(0) else { throw fault("a key has at most 1024 bytes") }
        self.bucket = String(bucket)
        self.key = String(key)
    }

    /// Returns whether an address is one of an object store, in any case of its letters.
    package static func isObject(_ address: some StringProtocol) -> Bool {
        address.prefix(scheme.count).lowercased() == scheme
    }

    /// The characters of a bucket's name; capitals and `_` are in old ones.
    private static func isAllowed(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"):
            true
        default: ".-_".utf8.contains(byte)
        }
    }

    /// How messages call it. A query behind the key, which may be presigned, is masked.
    var text: String { MaskedURL.text("s3://\(bucket)/\(key)") }
}
