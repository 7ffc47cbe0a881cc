import Base
import Fetch
import Foundation
import TestSupport
import Testing

@Suite("Redirects, private addresses and proxies", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct RedirectTests {
    @Test("Five redirects are followed, absolute and relative ones, a sixth and a circle are refused")
    func count() throws {
        try withServer { request in
            let number = Int(request.path.dropFirst(2)) ?? 0
            if request.path.hasPrefix("/n"), number == 0 { return .answer(200, [9]) }
            if request.path.hasPrefix("/n") {
                return .redirect(
                    to: number % 2 == 0 ? "n\(number - 1)" : "/n\(number - 1)", [301, 302, 303, 307, 308][number % 5])
            }
            return .redirect(to: "/circle")
        } _: { server in
            let fetched = try fetch(FetchRequest(server.address("/n5")))
            #expect(fetched.bytes == [9])
            #expect(fetched.response.source.hasSuffix("/n0"))
            #expect(try failure(server.address("/n6")).code == .tooManyRedirects)
            #expect(try failure(server.address("/circle")).code == .tooManyRedirects)
        }
    }

    @Test(
        "A redirect to a file or another kind of address is refused",
        arguments: [
            "file:///etc/passwd", "ftp://127.0.0.1/x", "gopher://127.0.0.1:1/x", "dict://127.0.0.1/", "s3://bucket/key",
            "http://", "http://127.0.0.1:99999/",
        ])
    func schemes(location: String) throws {
        try withServer { _ in
            .redirect(to: location)
        } _: { server in
            let error = try failure(server.address("/x"))
            #expect(error.code == .badURL)
            #expect(!error.description.contains("root:"))
        }
    }

    @Test("User and password go to the server that was asked, not to the one to which it redirects")
    func credentials() throws {
        try withServer { _ in
            .answer(200, [1])
        } _: { second in
            try withServer { request in
                request.path == "/same"
                    ? .answer(200, [2])
                    : .redirect(to: request.path == "/a" ? "/same" : "http://localhost:\(second.port)/")
            } _: { first in
                _ = try fetch(FetchRequest("http://user:secret@127.0.0.1:\(first.port)/a"))
                _ = try fetch(FetchRequest("http://user:secret@127.0.0.1:\(first.port)/b"))
                #expect(first.requests.allSatisfy { $0.headers["authorization"]?.hasPrefix("Basic ") == true })
                #expect(second.requestCount == 1)
                #expect(second.requests.allSatisfy { $0.headers["authorization"] == nil })
            }
        }
    }

    @Test(
        "With public addresses only, no notation and no name leads to this host",
        arguments: [
            "127.0.0.1", "2130706433", "0x7f.1", "0177.0.0.1", "127.1", "[::ffff:127.0.0.1]", "[::1]", "localhost",
            "0.0.0.0", "[::]", "[::ffff:7f00:1]",
        ])
    func privateNotations(host: String) throws {
        try withServer { _ in
            .answer(200, [1])
        } _: { server in
            let error = try failure("http://\(host):\(server.port)/x") { $0.addresses = .publicOnly }
            #expect(error.code == .privateAddress)
            #expect(!error.mayHelpLater)
            #expect(server.accepted == 0)
        }
    }

    @Test("Which addresses are public")
    func publicAddresses() throws {
        let closed = [
            "0.0.0.0", "0.1.2.3", "10.0.0.1", "100.64.0.1", "100.127.255.255", "127.0.0.2", "169.254.169.254",
            "172.16.0.1",
            "172.31.255.255", "192.0.0.8", "192.168.0.1", "198.18.0.1", "198.19.255.255", "224.0.0.1", "240.0.0.1",
            "255.255.255.255", "::", "::1", "fc00::1", "fdff::1", "fe80::1", "febf::1", "ff02::1", "64:ff9b::a00:1",
            "2002:a00:1::", "::ffff:10.0.0.1", "::ffff:169.254.169.254", "::127.0.0.1", "fec0::1", "64:ff9b:1::1",
        ]
        for text in closed { #expect(try #require(NetworkAddress(text), "\(text)").isPublic == false, "\(text)") }
        let open = [
            "1.1.1.1", "9.255.255.255", "11.0.0.0", "100.63.255.255", "100.128.0.0", "128.0.0.1", "169.253.1.1",
            "172.15.255.255", "172.32.0.0", "192.0.1.1", "192.167.1.1", "192.169.0.0", "198.17.0.1", "198.20.0.0",
            "223.255.255.255",
            "2606:4700::1111", "::ffff:1.1.1.1", "fbff::1", "fe7f::1", "2003::1",
        ]
        for text in open { #expect(try #require(NetworkAddress(text), "\(text)").isPublic, "\(text)") }
    }

    @Test("Only hosts of the list are fetched from, also where redirects lead")
    func allowedHosts() throws {
        try withServer { request in
            request.path == "/away" ? .redirect(to: "http://localhost:1/") : .answer(200, [1])
        } _: { (server) throws in
            let allow: (inout FetchSettings) -> Void = { $0.allowedHosts = ["127.0.0.1", ".example.org"] }
            #expect(try fetchedBytes(server.address("/x"), allow) == [1])
            #expect(try failure(server.address("/away"), allow).code == .privateAddress)
            #expect(try failure("http://example.com/", allow).code == .privateAddress)
            #expect(try failure("http://notexample.org/", allow).code == .privateAddress)
        }
    }

    @Test("A proxy is used; with public addresses only it is not, but for a list of hosts, and a notice says so")
    func proxy() throws {
        try withServer { _ in
            .answer(200, [5])
        } _: { server in
            let proxy = "http://127.0.0.1:\(server.port)"
            #expect(try fetchedBytes("http://a.invalid/x") { $0.proxy = proxy } == [5])
            #expect(server.requests.first?.target == "http://a.invalid/x")
            let listed = try fetch(FetchRequest("http://a.invalid/y")) {
                $0.proxy = proxy
                $0.addresses = .publicOnly
                $0.allowedHosts = ["a.invalid"]
            }
            #expect(listed.bytes == [5])
            let notices = Locked<[String]>([])
            let closed = quickSettings {
                $0.report = { notice in notices.withLock { $0.append(notice) } }
                $0.proxy = proxy
                $0.addresses = .publicOnly
                $0.retries = 0
            }
            let fetcher = try Fetcher(closed)
            #expect(notices.withLock { $0.count == 1 && $0[0].contains("proxy") })
            let error = #expect(throws: FetchError.self) { try fetcher.fetch(FetchRequest("http://a.invalid/z")) }
            #expect(error?.code == .dns)
            #expect(server.requestCount == 2)
        }
    }

    @Test("What its owner closes is refused without its bytes, unless told otherwise")
    func optedOut() throws {
        try withServer { _ in
            .head(200, ["X-Robots-Tag: noai", "Content-Length: 1"]) + [.bytes([1]), .close]
        } _: { server in
            let error = try failure(server.address("/x"))
            #expect(error.code == .optedOut)
            #expect(server.requestCount == 1)
            #expect(try fetchedBytes(server.address("/x")) { $0.ignoresRobotsTag = true } == [1])
        }
    }

    @Test("Directives are for all, or for the agent that is named before them")
    func directives() {
        let closed = [
            ["noai"], ["NoImageAI"], ["index, noindex"], ["all", "noimageindex"], ["paligemma: noai"], ["*: noai"],
            ["PaliGemma: nofollow, noai"], ["otherbot: nofollow, paligemma: noai"],
            ["unavailable_after: 25 Jun 2010 15:00:00 PST, noai"],
        ]
        for values in closed {
            #expect(RobotsTag.closingDirective(in: values, userAgent: "paligemma/1.0 (x)") != nil, "\(values)")
        }
        let open = [
            [], ["nofollow"], ["otherbot: noai"], ["otherbot: nofollow, noai"], ["noaiming"], ["max-snippet: 5"],
        ]
        for values in open {
            #expect(RobotsTag.closingDirective(in: values, userAgent: "paligemma/1.0 (x)") == nil, "\(values)")
        }
    }
}
