import CCurl

/// Where a redirect leads.
enum Redirect {
    /// Returns the address that a header Location means, which may be relative to the address of the response.
    ///
    /// - Throws: ``FetchError`` with code `bad_url`.
    static func target(_ location: String, from request: HTTPRequest) throws(FetchError) -> WebAddress {
        do throws(FetchError) {
            let address = try WebAddress(resolved(location, against: request.address.text) ?? location)
            return address
        } catch {
            throw FetchError(
                .badURL, at: request.source,
                "the server redirects to \(MaskedURL.text(location)), which is no http or https address")
        }
    }

    private static func resolved(_ location: String, against base: String) -> String? {
        guard let url = curl_url() else { return nil }
        defer { curl_url_cleanup(url) }
        let flags = UInt32(CURLU_URLENCODE | CURLU_NON_SUPPORT_SCHEME)
        guard curl_url_set(url, CURLUPART_URL, base, flags) == CURLUE_OK else { return nil }
        // Name and password are for the server that was asked.
        var text: UnsafeMutablePointer<CChar>?
        let host = part(CURLUPART_HOST, of: url)
        guard curl_url_set(url, CURLUPART_URL, location, flags) == CURLUE_OK else { return nil }
        if part(CURLUPART_HOST, of: url) != host {
            if !location.contains("@") {
                curl_url_set(url, CURLUPART_USER, nil, 0)
                curl_url_set(url, CURLUPART_PASSWORD, nil, 0)
            }
        }
        curl_url_set(url, CURLUPART_FRAGMENT, nil, 0)
        guard curl_url_get(url, CURLUPART_URL, &text, 0) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }

    private static func part(_ part: CURLUPart, of url: OpaquePointer) -> String? {
        var text: UnsafeMutablePointer<CChar>?
        guard curl_url_get(url, part, &text, 0) == CURLUE_OK, let text else { return nil }
        defer { curl_free(text) }
        return String(cString: text)
    }
}
