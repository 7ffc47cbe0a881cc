import Fetch
import TestSupport
import Testing

@Suite("Addresses are read, and shown without secrets")
struct AddressTests {
    @Test("No password and no value of a query is shown, in whatever form")
    func masked() {
        let expected = [
            ("http://host/a/b.jpg", "http://host/a/b.jpg"),
            ("https://host:8443/a@2x.jpg", "https://***@2x.jpg"),
            ("https://host/a@2x.jpg", "https://host/a@2x.jpg"),
            ("http://user:secret@host/a", "http://***@host/a"),
            ("http://user:se?cret@host/a", "http://***@host/a"),
            ("http://user:se/cret@host/a", "http://***@host/a"),
            ("http://user:se#cret@host/a", "http://***@host/a"),
            ("http://se@cret@host/a", "http://***@host/a"),
            ("http://user:secret/a", "http://***"),
            (
                "https://b.s3.amazonaws.com/k?X-Amz-Signature=secret&X-Amz-Expires=5",
                "https://b.s3.amazonaws.com/k?X-Amz-Signature=***&X-Amz-Expires=***"
            ),
            ("https://host/k?secret", "https://host/k?***"),
            ("https://host/k?a=1#secret", "https://host/k?a=***"),
            ("https://host/k#secret", "https://host/k#***"),
            ("s3://bucket/key?X-Amz-Signature=secret", "s3://bucket/key?X-Amz-Signature=***"),
            ("host/k?token=secret", "host/k?token=***"),
            ("http://[::1]:80/x", "http://[::1]:80/x"),
            ("http://host/\u{1B}[31m\nx", "http://host/ [31m x"),
        ]
        for (address, text) in expected { #expect(MaskedURL.text(address) == text) }
    }

    @Test(
        "Addresses that are none have a reason and never a secret",
        arguments: [
            "", "picture.jpg", "ftp://host/x", "file:///etc/passwd", "http://", "http:///x", "http://:80/",
            "http://host:x/",
            "http://host:70000/", "http://user:secret@:80/", "http://ho st/", "http://host/a\r\nX-Injected: 1",
            "javascript:alert(1)", "http://good\\@evil/", "http://evil%2F.good/", "http://a,b/", "http://host/a\u{0}b",
            "s3://", "s3:///key", "s3://ab/key", "s3://b ucket/key",
            "s3://bucket",
            "s3://bucket/",
        ])
    func refused(address: String) throws {
        let error = try failure(address) { $0.retries = 0 }
        #expect(error.code == .badURL, "\(address)")
        #expect(!error.description.contains("secret"), "\(error)")
    }

    @Test("Errors of fetches show no secret of the address, also where the server repeats it")
    func errors() throws {
        let body = "<Error><Code>AccessDenied</Code><Message>bad signature secret-signature</Message></Error>"
        try withServer { request in
            request.path == "/redirect"
                ? .redirect(to: "ftp://u:secret-word@x/?k=secret-value") : .answer(403, Array(body.utf8))
        } _: { server in
            let address = "http://user:secret-word@127.0.0.1:\(server.port)/k?X-Amz-Signature=secret-signature"
            let error = try failure(address)
            #expect(error.code == .forbidden)
            #expect(error.description.contains("AccessDenied"))
            #expect(!error.description.contains("secret"), "\(error)")
            let redirect = try failure(server.address("/redirect?a=secret"))
            #expect(!redirect.description.contains("secret"), "\(redirect)")
        }
    }

    @Test("Hosts, ports and paths are read as browsers do")
    func read() throws {
        #expect(try WebAddress("HTTP://Example.ORG/a b").text == "http://Example.ORG/a%20b")
        #expect(try WebAddress("http://Example.ORG.:80/").origin == "http://example.org:80")
        #expect(try WebAddress("http://h/a\\b").text == "http://h/a%5Cb")
        #expect(try WebAddress("https://h/").origin == "https://h:443")
        #expect(try WebAddress("http://u:p@[::1]:8080/x").host == "::1")
        #expect(try WebAddress("http://h?q=1").text == "http://h?q=1")
        #expect(try WebAddress("http://h/%41%zz").text == "http://h/%41%zz")
    }
}
