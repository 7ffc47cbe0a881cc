import Base
import Foundation

/// An object store that checks signatures with arithmetic of its own: it decodes path and query and encodes them anew,
/// as S3 does, so that a client that signs anything else than what it sends is refused.
package struct S3Server: Sendable {
    package var accessKey = "AKIDEXAMPLE"
    package var secretKey = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    /// What lent keys come with; nil for keys of one's own.
    package var token: String?
    /// Whether requests without a signature are answered.
    package var isOpen = false
    package var region = "us-east-1"
    /// Objects of a page.
    package var pageSize = 1000
    package let objects: Locked<[String: [UInt8]]>

    package init(_ objects: [String: [UInt8]]) { self.objects = Locked(objects) }

    /// Answers for the bucket `bucket`, whose name stands in the path.
    package func answer(_ request: TestServer.Request) -> [TestServer.Step] {
        if let refusal = refusal(request) { return refusal }
        let (path, query) = Self.parts(request.target)
        guard path.hasPrefix("/bucket") else { return error(404, "NoSuchBucket", "no such bucket") }
        let key = String(path.dropFirst("/bucket/".count))
        if request.method == "PUT" {
            objects.withLock { $0[key] = request.body }
            return .answer(200)
        }
        if key.isEmpty { return listing(query) }
        guard let bytes = objects.withLock({ $0[key] }) else {
            return error(404, "NoSuchKey", "The specified key does not exist.", isHead: request.method == "HEAD")
        }
        if request.method == "HEAD" {
            return .head(200, ["Content-Length: \(bytes.count)", "ETag: \"\(key.utf8.count)\""])
        }
        return .file(bytes, tag: "\"\(key.utf8.count)\"", for: request)
    }

    private func error(_ status: Int, _ code: String, _ message: String, _ headers: [String] = [], isHead: Bool = false)
        -> [TestServer.Step]
    {
        let body = "<?xml version=\"1.0\"?><Error><Code>\(code)</Code><Message>\(message)</Message></Error>"
        return isHead ? .head(status, ["Content-Length: 100"]) : .answer(status, Array(body.utf8), headers)
    }

    private func listing(_ query: [(String, String)]) -> [TestServer.Step] {
        func value(_ name: String) -> String? { query.first { $0.0 == name }?.1 }
        guard value("list-type") == "2", value("encoding-type") == "url" else {
            return error(400, "InvalidArgument", "")
        }
        let (prefix, after) = (value("prefix") ?? "", value("continuation-token") ?? "")
        var rows: [(name: String, row: String)] = []
        let all = objects.withLock { $0 }.filter { $0.key.hasPrefix(prefix) }
        for (key, bytes) in all.sorted(by: { Array($0.key.utf8).lexicographicallyPrecedes(Array($1.key.utf8)) }) {
            var row =
                "<Contents><Key>\(Self.form(key))</Key><ETag>&quot;e&quot;</ETag><Size>\(bytes.count)</Size></Contents>"
            var name = key
            if let delimiter = value("delimiter"), let end = key.dropFirst(prefix.count).firstRange(of: delimiter) {
                name = String(key[..<end.upperBound])
                row = "<CommonPrefixes><Prefix>\(Self.form(name))</Prefix></CommonPrefixes>"
            }
            let isAfter = Array(after.utf8).lexicographicallyPrecedes(Array(name.utf8))
            if isAfter, rows.last?.name != name { rows.append((name, row)) }
        }
        let page = rows.prefix(pageSize)
        var body =
            "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<ListBucketResult xmlns=\"http://s3/\"><Name>bucket</Name>"
        body += "<EncodingType>url</EncodingType><IsTruncated>\(rows.count > page.count)</IsTruncated>"
        if rows.count > page.count, let last = page.last {
            body += "<NextContinuationToken>\(last.name)</NextContinuationToken>"
        }
        return .answer(200, Array((body + page.map(\.row).joined() + "</ListBucketResult>").utf8))
    }

    /// The encoding of forms: a space is `+`.
    private static func form(_ text: String) -> String {
        encoded(text, keeps: "/").replacingOccurrences(of: "%20", with: "+")
    }
}

// MARK: The signature

extension S3Server {
    /// Returns the answer to a request that is not signed as it should be.
    private func refusal(_ request: TestServer.Request) -> [TestServer.Step]? {
        guard let authorization = request.headers["authorization"] else {
            return isOpen ? nil : error(403, "AccessDenied", "Access Denied")
        }
        let parts = authorization.split(whereSeparator: { ", ".contains($0) }).map(String.init)
        guard parts.count == 4, parts[0] == "AWS4-HMAC-SHA256" else {
            return error(400, "AuthorizationHeaderMalformed", "")
        }
        func value(_ part: String) -> String { String(part.drop { $0 != "=" }.dropFirst()) }
        let scope = value(parts[1]).split(separator: "/").map(String.init)
        let names = value(parts[2]).split(separator: ";").map(String.init)
        guard scope.count == 5, scope[0] == accessKey else {
            return error(403, "InvalidAccessKeyId", scope.first ?? "")
        }
        guard scope[2] == region else {
            return error(
                400, "AuthorizationHeaderMalformed", "the region is wrong", ["x-amz-bucket-region: \(region)"])
        }
        guard request.headers["x-amz-security-token"] == token else { return error(403, "InvalidToken", token ?? "") }
        let mustBeSigned = request.headers.keys.filter { $0 == "host" || $0.hasPrefix("x-amz-") }
        guard Set(mustBeSigned).isSubset(of: names), names == names.sorted(),
            value(parts[3]) == signature(request, names: names, scope: scope), hasRightPayload(request)
        else {
            return error(403, "SignatureDoesNotMatch", "of \(secretKey) for \(accessKey)")
        }
        return nil
    }

    private func hasRightPayload(_ request: TestServer.Request) -> Bool {
        let given = request.headers["x-amz-content-sha256"]
        return given == "UNSIGNED-PAYLOAD" || given == SHA256.hexadecimal(of: request.body)
    }

    private func signature(_ request: TestServer.Request, names: [String], scope: [String]) -> String {
        let (path, query) = Self.parts(request.target)
        let sorted = query.map { "\(Self.encoded($0.0))=\(Self.encoded($0.1))" }.sorted()
        let lines = names.map { "\($0):\(request.headers[$0] ?? "")\n" }.joined()
        let canonical = [
            request.method, Self.encoded(path, keeps: "/"), sorted.joined(separator: "&"), lines,
            names.joined(separator: ";"), request.headers["x-amz-content-sha256"] ?? "",
        ].joined(separator: "\n")
        let date = request.headers["x-amz-date"] ?? ""
        let text = [
            "AWS4-HMAC-SHA256", date, scope[1...].joined(separator: "/"), SHA256.hexadecimal(of: Array(canonical.utf8)),
        ].joined(separator: "\n")
        var key = Array("AWS4\(secretKey)".utf8)
        for part in scope[1...] { key = Self.hmac(key, Array(part.utf8)) }
        return Self.hmac(key, Array(text.utf8)).map { String($0 >> 4, radix: 16) + String($0 & 15, radix: 16) }.joined()
    }

    private static func hmac(_ key: [UInt8], _ message: [UInt8]) -> [UInt8] {
        let block = (key.count > 64 ? digest(key) : key)
        let padded = block + [UInt8](repeating: 0, count: 64 - block.count)
        return digest(padded.map { $0 ^ 0x5C } + digest(padded.map { $0 ^ 0x36 } + message))
    }

    private static func digest(_ bytes: [UInt8]) -> [UInt8] {
        let digits = Array(SHA256.hexadecimal(of: bytes))
        return stride(from: 0, to: 64, by: 2).map { UInt8(String(digits[$0...($0 + 1)]), radix: 16) ?? 0 }
    }

    /// The decoded path and query of a target.
    private static func parts(_ target: String) -> (path: String, query: [(String, String)]) {
        let sides = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let pairs = sides.count < 2 ? [] : sides[1].split(separator: "&")
        let query = pairs.map { pair in
            let ends = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
            return (ends[0].removingPercentEncoding ?? "", ends.count > 1 ? ends[1].removingPercentEncoding ?? "" : "")
        }
        return (sides[0].removingPercentEncoding ?? "", query)
    }

    private static func encoded(_ text: String, keeps: String = "") -> String {
        let kept = Set("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~\(keeps)".utf8)
        return text.utf8.map { kept.contains($0) ? String(UnicodeScalar($0)) : String(format: "%%%02X", $0) }.joined()
    }
}
