import Base

/// Signs the requests for one bucket. Without keys nothing is added.
struct S3Signer: RequestSigner {
    let bucket: String
    let region: String
    let credentials: AWSCredentials?
    let endpoint: S3Endpoint
    /// Where it is kept that a bucket is in another region than expected.
    let regions: Locked<[String: String]>

    func signature(of request: HTTPRequest, time: Int) -> [HTTPHeader] {
        guard let credentials else { return [] }
        let parts = Self.parts(request.address.text)
        let payload = request.body.isEmpty ? "UNSIGNED-PAYLOAD" : Digest.hexadecimal(Digest.sha256(request.body))
        let content = HTTPHeader(name: "x-amz-content-sha256", value: payload)
        let signature = SignatureV4(credentials: credentials, region: region, service: "s3").headers(
            method: request.method.rawValue, path: parts.path, query: parts.query,
            headers: [HTTPHeader(name: "host", value: parts.host), content], payload: payload, time: time)
        return [content] + signature
    }

    func moved(_ request: HTTPRequest, to region: String) -> HTTPRequest? {
        guard region != self.region, (1...32).contains(region.utf8.count),
            region.utf8.allSatisfy({ (0x61...0x7A).contains($0) || (0x30...0x39).contains($0) || $0 == 0x2D })
        else { return nil }
        regions.withLock { regions in
            // Not for ever more buckets.
            if regions.count < 10_000 { regions[bucket] = region }
        }
        let parts = Self.parts(request.address.text)
        let base = endpoint.base(bucket: bucket, region: region)
        let oldBase = endpoint.base(bucket: bucket, region: self.region)
        let rest = parts.path.dropFirst(oldBase.path.utf8.count)
        guard
            let address = try? WebAddress(
                base.origin + base.path + rest + (parts.query.isEmpty ? "" : "?\(parts.query)"))
        else { return nil }
        var moved = request
        moved.address = address
        moved.signer = S3Signer(
            bucket: bucket, region: region, credentials: credentials, endpoint: endpoint, regions: regions)
        return moved
    }

    var secrets: [String] {
        [credentials?.accessKey, credentials?.secretKey, credentials?.sessionToken].compactMap { $0 }
    }

    /// Cuts an address that ``S3Endpoint`` made.
    private static func parts(_ address: String) -> (host: String, path: String, query: String) {
        let rest = address.firstRange(of: "://").map { address[$0.upperBound...] } ?? address[...]
        let host = rest.prefix { $0 != "/" && $0 != "?" }
        let path = rest[host.endIndex...].prefix { $0 != "?" }
        let query = rest[path.endIndex...].dropFirst()
        return (hostHeader(String(host), address: address), String(path), String(query))
    }

    /// libcurl leaves the usual port out of the header Host.
    private static func hostHeader(_ host: String, address: String) -> String {
        let port = address.lowercased().hasPrefix("https:") ? ":443" : ":80"
        return host.hasSuffix(port) ? String(host.dropLast(port.count)) : host
    }
}
