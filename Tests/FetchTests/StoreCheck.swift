import Fetch
import Foundation
import TestSupport
import Testing

/// What Tests/Fixtures/fetch/check_s3.py runs with a store that others wrote.
@Suite("StoreCheck: a store that others wrote", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct StoreCheck {
    private static let environment = ProcessInfo.processInfo.environment

    @Test(
        "Objects and listings come as they are, and a wrong key is refused",
        .enabled(
            if: environment["CHECK_S3_ENDPOINT"] != nil, "CHECK_S3_ENDPOINT names no store; check_s3.py starts one"))
    func store() throws {
        var settings = quickSettings()
        settings.environment["AWS_ENDPOINT_URL"] = Self.environment["CHECK_S3_ENDPOINT"]
        settings.environment["AWS_ACCESS_KEY_ID"] = Self.environment["CHECK_S3_ACCESS_KEY"]
        settings.environment["AWS_SECRET_ACCESS_KEY"] = Self.environment["CHECK_S3_SECRET_KEY"]
        let fetcher = try Fetcher(settings)
        var listing = try fetcher.list("s3://bucket/")
        var (entries, pages): ([S3Entry], Int) = ([], 0)
        while let page = try listing.next() {
            entries += page.entries
            pages += 1
        }
        #expect(entries.count == 1103)
        #expect(pages == 2)
        for entry in entries where !entry.key.hasPrefix("many/") || entry.key.hasSuffix("00.jpg") {
            let bytes = Array("bytes of \(entry.key)".utf8)
            let fetched = try fetcher.fetch(FetchRequest(entry.address))
            #expect(fetched.bytes == bytes)
            #expect(Int(entry.size) == bytes.count)
            #expect(entry.entityTag == fetched.response.validator?.entityTag)
            let range = FetchRange(offset: 3, count: 4)
            let part = try fetcher.fetch(
                FetchRequest(entry.address, range: range, validator: fetched.response.validator))
            #expect(part.bytes == Array(bytes[3..<7]))
        }
        var level = try fetcher.list("s3://bucket/", delimiter: "/")
        #expect(try level.next()?.prefixes == ["a b/", "many/"])
        settings.environment["AWS_SECRET_ACCESS_KEY"] = "wrong"
        let stranger = try Fetcher(settings)
        let error = #expect(throws: FetchError.self) { try stranger.fetch(FetchRequest("s3://bucket/plain.jpg")) }
        #expect(error?.code == .forbidden)
    }
}
