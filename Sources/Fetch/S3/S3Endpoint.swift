/// Where the buckets are: at AWS, or at another object store.
struct S3Endpoint: Sendable {
    /// The address of the store without a slash at the end; nil for AWS.
    private let address: String?
    private let usesPathStyle: Bool

    /// - Throws: ``FetchError`` with code `bad_url` where the endpoint is none.
    init(_ configuration: AWSConfiguration) throws(FetchError) {
        usesPathStyle = configuration.usesPathStyle
        guard var address = configuration.endpoint else {
            self.address = nil
            return
        }
        while address.hasSuffix("/") { address.removeLast() }
        guard !address.contains(where: { "?#@".contains($0) }) else {
            throw FetchError(
                .badURL, at: MaskedURL.text(address),
                "the endpoint (AWS_ENDPOINT_URL) is scheme, host, port and path only")
        }
        self.address = try WebAddress(address).text
    }

    /// Returns the beginning of the addresses of a bucket: `https://bucket.s3.region.amazonaws.com` and a path without
    /// a slash at its end. At other stores, and with dots in its name, which no certificate covers, a bucket stands in
    /// the path.
    func base(bucket: String, region: String) -> (origin: String, path: String) {
        if let address {
            let start = address.firstRange(of: "://")?.upperBound ?? address.startIndex
            let slash = address[start...].firstIndex(of: "/") ?? address.endIndex
            return (String(address[..<slash]), "\(address[slash...])/\(bucket)")
        }
        let domain = region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        let isPlain = bucket.utf8.allSatisfy { (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D }
        if usesPathStyle || !isPlain { return ("https://s3.\(region).\(domain)", "/\(bucket)") }
        return ("https://\(bucket).s3.\(region).\(domain)", "")
    }
}
