/// The objects of a bucket whose keys have a prefix, in the order of their keys' bytes.
package struct S3Listing {
    /// One page: objects, and what stands for all objects behind a delimiter.
    package struct Page: Sendable {
        package let entries: [S3Entry]
        package let prefixes: [String]
    }

    private let location: S3Location
    private let ask: (String?) throws(FetchError) -> [UInt8]
    private var token: String?
    private var isAtEnd = false

    init(_ location: S3Location, delimiter: String?, ask: @escaping (String?) throws(FetchError) -> [UInt8]) {
        self.location = location
        self.ask = ask
    }

    /// Fetches the next page, of up to 1000 objects.
    ///
    /// - Returns: nil at the end.
    /// - Throws: ``FetchError``.
    package mutating func next() throws(FetchError) -> Page? {
        guard !isAtEnd else { return nil }
        let page = try S3Page(try ask(token), bucket: location.bucket, source: location.text)
        guard page.token == nil || page.token != token else {
            throw FetchError(.badResponse, at: location.text, "the store gives the same page for ever")
        }
        token = page.token
        isAtEnd = token == nil
        return Page(entries: page.entries, prefixes: page.prefixes)
    }
}
