/// An object of a listing.
package struct S3Entry: Sendable, Equatable {
    package let bucket: String
    package let key: String
    /// In bytes.
    package let size: Int64
    /// With its quotes; nil where the store names none.
    package let entityTag: String?

    /// Its address.
    package var address: String { "s3://\(bucket)/\(key)" }
}

/// One page of a listing (ListObjectsV2).
struct S3Page {
    let entries: [S3Entry]
    /// What the keys of the bucket begin with up to the delimiter.
    let prefixes: [String]
    /// What names the next page; nil at the end.
    let token: String?

    /// Size of the largest page, in bytes: 1000 keys of 1024 bytes, each percent-encoded.
    static let maximumBytes = 16 << 20

    /// - Throws: ``FetchError`` with code `bad_response`.
    init(_ bytes: [UInt8], bucket: String, source: String) throws(FetchError) {
        func fault(_ reason: String) -> FetchError { FetchError(.badResponse, at: source, reason) }
        guard let root = XMLElement(parsing: bytes), root.name == "ListBucketResult" else {
            throw fault("the store's answer is no listing")
        }
        let isEncoded = root["EncodingType"]?.text == "url"
        func key(_ element: XMLElement?) throws(FetchError) -> String {
            guard let text = element?.text, let key = isEncoded ? PercentEncoding.decodedForm(text) : text, !key.isEmpty
            else { throw fault("the listing has an object without a readable key") }
            return key
        }
        var (entries, prefixes): ([S3Entry], [String]) = ([], [])
        for child in root.children where child.name == "Contents" || child.name == "CommonPrefixes" {
            if child.name == "CommonPrefixes" {
                prefixes.append(try key(child["Prefix"]))
                continue
            }
            guard let size = child["Size"].flatMap({ Int64($0.text) }), size >= 0 else {
                throw fault("the listing has an object without a size")
            }
            entries.append(
                S3Entry(bucket: bucket, key: try key(child["Key"]), size: size, entityTag: child["ETag"]?.text))
        }
        self.entries = entries
        self.prefixes = prefixes
        guard root["IsTruncated"]?.text == "true" else {
            token = nil
            return
        }
        guard let next = root["NextContinuationToken"]?.text, !next.isEmpty else {
            throw fault("the listing goes on, but the store does not say where")
        }
        token = next
    }
}
