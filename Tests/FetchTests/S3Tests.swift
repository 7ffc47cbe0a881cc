import Base
import Fetch
import Foundation
import TestSupport
import Testing

@Suite("Objects of a store that checks every signature", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct S3Tests {
    private static let keys = [
        "plain.jpg", "a b/ä+%2F?x=1&y=#z~*'()!.jpg", "a//b/../c/./d", "=&;:@$,[]{}|\\^`\"<>", "line\nbreak\u{1}",
    ]
    private static let objects = Dictionary(uniqueKeysWithValues: keys.map { ($0, Array("bytes of \($0)".utf8)) })

    /// Runs `body` with a fetcher for a store.
    private func withStore(
        _ store: S3Server, _ environment: [String: String] = [:], change: (inout FetchSettings) -> Void = { _ in },
        _ body: (Fetcher, TestServer) throws -> Void
    ) throws {
        try withServer {
            store.answer($0)
        } _: { server in
            var settings = quickSettings(change)
            settings.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:\(server.port)/"
            if !store.isOpen {
                settings.environment["AWS_ACCESS_KEY_ID"] = store.accessKey
                settings.environment["AWS_SECRET_ACCESS_KEY"] = store.secretKey
            }
            settings.environment.merge(environment) { $1 }
            try body(try Fetcher(settings), server)
        }
    }

    private func failure(_ fetcher: Fetcher, _ address: String) -> FetchError? {
        #expect(throws: FetchError.self) { try fetcher.fetch(FetchRequest(address)) }
    }

    @Test("Objects of every name are fetched, whole, in parts and streamed")
    func objects() throws {
        try withStore(S3Server(Self.objects)) { fetcher, server in
            for key in Self.keys {
                let bytes = try #require(Self.objects[key])
                let fetched = try fetcher.fetch(FetchRequest("s3://bucket/\(key)"))
                #expect(fetched.bytes == bytes, "\(key)")
                let range = FetchRange(offset: 2, count: 3)
                let part = try fetcher.fetch(
                    FetchRequest("s3://bucket/\(key)", range: range, validator: fetched.response.validator))
                #expect(part.bytes == Array(bytes[2..<5]))
                #expect(try fetcher.open(FetchRequest("s3://bucket/\(key)")).all() == bytes)
            }
            #expect(server.requests.allSatisfy { $0.headers["authorization"] != nil })
        }
    }

    @Test("A listing gives every key with its size, page by page, and one level with a delimiter")
    func listing() throws {
        var objects = Self.objects
        for number in 0..<25 { objects["many/\(number)/x.jpg"] = [UInt8](repeating: 0, count: number) }
        var store = S3Server(objects)
        store.pageSize = 7
        try withStore(store) { fetcher, server in
            func all(_ address: String, _ delimiter: String? = nil) throws -> (entries: [S3Entry], prefixes: [String]) {
                var listing = try fetcher.list(address, delimiter: delimiter)
                var result: (entries: [S3Entry], prefixes: [String]) = ([], [])
                while let page = try listing.next() {
                    result.entries += page.entries
                    result.prefixes += page.prefixes
                }
                return result
            }
            let everything = try all("s3://bucket").entries
            #expect(
                Dictionary(uniqueKeysWithValues: everything.map { ($0.key, Int($0.size)) })
                    == objects.mapValues(\.count))
            #expect(everything.allSatisfy { $0.entityTag == "\"e\"" && $0.address == "s3://bucket/\($0.key)" })
            #expect(server.requestCount == 5)
            #expect(try all("s3://bucket/many/1").entries.count == 11)
            let level = try all("s3://bucket/", "/")
            #expect(Set(level.prefixes) == ["many/", "a b/", "a/"])
            #expect(level.entries.count == 3)
            #expect(try all("s3://bucket/none").entries.isEmpty)
        }
    }

    @Test("What a store refuses has its code and message, and no key")
    func errors() throws {
        try withStore(S3Server(Self.objects)) { fetcher, _ in
            let missing = failure(fetcher, "s3://bucket/missing")
            #expect(missing?.code == .notFound)
            #expect(missing?.description.contains("NoSuchKey") == true)
            #expect(failure(fetcher, "s3://other-bucket/x")?.code == .notFound)
            #expect(failure(fetcher, "s3://bucket/")?.code == .badURL)
        }
        let wrong = ["AWS_SECRET_ACCESS_KEY": "wrong-secret", "AWS_SESSION_TOKEN": ""]
        try withStore(S3Server(Self.objects), wrong) { fetcher, _ in
            let error = failure(fetcher, "s3://bucket/plain.jpg")
            #expect(error?.code == .forbidden)
            #expect(error?.mayHelpLater == false)
            #expect(error?.description.contains("SignatureDoesNotMatch") == true)
            #expect(error?.description.contains("AKIDEXAMPLE") == false)
        }
    }

    @Test("A bucket in another region is found, at the cost of one request in all")
    func region() throws {
        var store = S3Server(Self.objects)
        store.region = "eu-central-1"
        try withStore(store) { fetcher, server in
            for _ in 0..<3 { _ = try fetcher.fetch(FetchRequest("s3://bucket/plain.jpg")) }
            #expect(server.requestCount == 4)
        }
        try withStore(store, ["AWS_REGION": "eu-central-1"]) { fetcher, server in
            _ = try fetcher.fetch(FetchRequest("s3://bucket/plain.jpg"))
            #expect(server.requestCount == 1)
        }
    }

    @Test("Without keys nothing is signed")
    func anonymous() throws {
        var store = S3Server(Self.objects)
        store.isOpen = true
        try withStore(store) { (fetcher, server) throws in
            #expect(try fetcher.fetch(FetchRequest("s3://bucket/plain.jpg")).bytes == Self.objects["plain.jpg"])
            #expect(server.requests.allSatisfy { $0.headers["authorization"] == nil })
        }
    }

    @Test("With public addresses only, a store in a private network is refused too")
    func privateStore() throws {
        let close: (inout FetchSettings) -> Void = { $0.addresses = .publicOnly }
        try withStore(S3Server(Self.objects), change: close) { fetcher, server in
            #expect(failure(fetcher, "s3://bucket/plain.jpg")?.code == .privateAddress)
            #expect(server.accepted == 0)
        }
    }

    @Test(
        "A listing that breaks off or turns in a circle is an error",
        arguments: [
            "", "<a>", "<Other/>", "<ListBucketResult><IsTruncated>true</IsTruncated></ListBucketResult>",
            "<ListBucketResult><Contents><Key>a</Key></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><Key>a</Key><Size>-1</Size></Contents></ListBucketResult>",
            "<ListBucketResult><Contents><Size>1</Size></Contents></ListBucketResult>",
            "<ListBucketResult><EncodingType>url</EncodingType><Contents><Key>%zz</Key><Size>1</Size></Contents>"
                + "</ListBucketResult>",
            "<ListBucketResult><IsTruncated>true</IsTruncated><NextContinuationToken>t</NextContinuationToken>"
                + "</ListBucketResult>",
        ])
    func badListings(body: String) throws {
        try withServer { _ in
            .answer(200, Array(body.utf8))
        } _: { server in
            let fetcher = try Fetcher(
                quickSettings { $0.environment["AWS_ENDPOINT_URL"] = "http://127.0.0.1:\(server.port)" })
            var listing = try fetcher.list("s3://bucket/")
            let error = #expect(throws: FetchError.self) { while try listing.next() != nil {} }
            #expect(error?.code == .badResponse)
        }
    }
}
