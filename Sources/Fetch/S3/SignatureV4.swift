/// AWS Signature Version 4.
///
/// libcurl has it too, but before 8.x it signs path and query as they are given and sends no `x-amz-content-sha256`;
/// here every part that is signed is made in one place.
package struct SignatureV4 {
    let credentials: AWSCredentials
    let region: String
    let service: String

    package init(credentials: AWSCredentials, region: String, service: String) {
        self.credentials = credentials
        self.region = region
        self.service = service
    }

    /// Returns the headers that sign a request.
    ///
    /// - Parameters:
    ///   - path: as it is sent, percent-encoded.
    ///   - query: as it is sent: encoded, sorted, each name with `=`.
    ///   - headers: further headers that are signed, `host` among them.
    ///   - payload: SHA-256 of the body in hexadecimal digits, or `UNSIGNED-PAYLOAD`.
    ///   - time: seconds since 1970.
    package func headers(
        method: String, path: String, query: String, headers: [HTTPHeader], payload: String, time: Int
    ) -> [HTTPHeader] {
        let date = CalendarTime.compact(time)
        var added = [HTTPHeader(name: "x-amz-date", value: date)]
        if let token = credentials.sessionToken { added.append(HTTPHeader(name: "x-amz-security-token", value: token)) }
        let signed = (headers + added).map { (name: $0.name.lowercased(), value: Self.canonical($0.value)) }
            .sorted { $0.name < $1.name }
        let names = signed.map(\.name).joined(separator: ";")
        let lines = signed.map { "\($0.name):\($0.value)\n" }.joined()
        let request = [method, path.isEmpty ? "/" : path, query, lines, names, payload].joined(separator: "\n")
        let day = String(date.prefix(8))
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let hash = Digest.hexadecimal(Digest.sha256(Array(request.utf8)))
        let text = "AWS4-HMAC-SHA256\n\(date)\n\(scope)\n\(hash)"
        let signature = Digest.hexadecimal(Digest.hmacSHA256(key: key(day: day), text))
        let authorization =
            "AWS4-HMAC-SHA256 Credential=\(credentials.accessKey)/\(scope), "
            + "SignedHeaders=\(names), Signature=\(signature)"
        return added + [HTTPHeader(name: "Authorization", value: authorization)]
    }

    private func key(day: String) -> [UInt8] {
        [day, region, service, "aws4_request"].reduce(Array("AWS4\(credentials.secretKey)".utf8)) { key, part in
            Digest.hmacSHA256(key: key, part)
        }
    }

    /// Without spaces at the ends, and with one where several stand.
    private static func canonical(_ value: String) -> String { value.split(separator: " ").joined(separator: " ") }
}
