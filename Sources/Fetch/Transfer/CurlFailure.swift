import CCurl

/// The error for a transfer that libcurl ended.
enum CurlFailure {
    private static let tls: Set<CURLcode.RawValue> = Set(
        [
            CURLE_SSL_CONNECT_ERROR, CURLE_SSL_ENGINE_NOTFOUND, CURLE_SSL_ENGINE_SETFAILED, CURLE_SSL_CERTPROBLEM,
            CURLE_SSL_CIPHER, CURLE_PEER_FAILED_VERIFICATION, CURLE_USE_SSL_FAILED, CURLE_SSL_ENGINE_INITFAILED,
            CURLE_SSL_CACERT_BADFILE, CURLE_SSL_SHUTDOWN_FAILED, CURLE_SSL_CRL_BADFILE, CURLE_SSL_ISSUER_ERROR,
            CURLE_SSL_PINNEDPUBKEYNOTMATCH, CURLE_SSL_INVALIDCERTSTATUS,
        ].map(\.rawValue))

    /// - Parameters:
    ///   - detail: what libcurl says about a failed handshake. It names hosts and certificates, never an address.
    ///   - received: bytes of the body that had arrived.
    static func error(_ code: CURLcode, source: String, detail: String, received: Int64) -> FetchError {
        func fault(_ kind: FetchError.Code, mayHelpLater: Bool, _ reason: String) -> FetchError {
            FetchError(kind, at: source, mayHelpLater: mayHelpLater, reason)
        }
        // The texts of the codes are constants of libcurl.
        let text = String(cString: curl_easy_strerror(code))
        switch code {
        case CURLE_COULDNT_RESOLVE_HOST:
            return fault(.dns, mayHelpLater: true, "the host's name is not known, or the name service does not answer")
        case CURLE_COULDNT_RESOLVE_PROXY:
            return fault(.dns, mayHelpLater: true, "the proxy's name is not known; check https_proxy and the like")
        case CURLE_COULDNT_CONNECT:
            return fault(.connection, mayHelpLater: true, "no connection could be made to the host")
        case CURLE_OPERATION_TIMEDOUT:
            return fault(.timedOut, mayHelpLater: true, "the server was too slow (\(received) bytes had arrived)")
        case CURLE_PARTIAL_FILE:
            return fault(.truncated, mayHelpLater: true, "the connection ended in the middle, after \(received) bytes")
        case CURLE_URL_MALFORMAT:
            return fault(.badURL, mayHelpLater: false, "this is no address that can be fetched")
        case CURLE_UNSUPPORTED_PROTOCOL, CURLE_WEIRD_SERVER_REPLY, CURLE_BAD_CONTENT_ENCODING:
            return fault(.badResponse, mayHelpLater: false, "the server does not answer as HTTP prescribes (\(text))")
        case let code where tls.contains(code.rawValue):
            let more = OneLine.text(Array(detail.utf8), maximumLength: 200)
            // A handshake may break by chance, a certificate does not mend itself.
            let isPassing = code == CURLE_SSL_CONNECT_ERROR
            return fault(
                .tls, mayHelpLater: isPassing, "no trusted encrypted connection: \(more.isEmpty ? text : more)")
        default:
            return fault(.connection, mayHelpLater: true, "the connection failed: \(text)")
        }
    }
}
