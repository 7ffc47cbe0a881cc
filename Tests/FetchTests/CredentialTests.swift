import Base
import Fetch
import Foundation
import TestSupport
import Testing

@Suite("Keys are found where the AWS tools find them", .timeLimit(.minutes(15 * Sanitizer.slowness)))
struct CredentialTests {
    /// Fetches an object of a store with lent keys, where the environment says how to find them, and a server lends
    /// them.
    private func fetchObject(
        token: String? = "lent-token", files: [String: String] = [:],
        lend: @escaping @Sendable (TestServer.Request) -> [TestServer.Step] = { _ in .answer(404) },
        _ environment: (_ lender: String, _ home: String) -> [String: String]
    ) throws -> (store: [TestServer.Request], lender: [TestServer.Request], error: FetchError?) {
        var store = S3Server(["x": [1]])
        store.token = token
        let answering = store
        return try withTemporaryDirectory { home in
            try FileManager.default.createDirectory(atPath: home + "/.aws", withIntermediateDirectories: true)
            for (name, text) in files { try text.write(toFile: home + "/" + name, atomically: true, encoding: .utf8) }
            return try withServer {
                answering.answer($0)
            } _: { server in
                try withServer(lend) { lender in
                    var settings = quickSettings { $0.retries = 0 }
                    settings.environment = [
                        "HOME": home, "AWS_ENDPOINT_URL_S3": server.address(""), "AWS_EC2_METADATA_DISABLED": "true",
                    ]
                    settings.environment.merge(environment(lender.address(""), home)) { $1 }
                    let fetcher = try Fetcher(settings)
                    var error: FetchError?
                    do throws(FetchError) {
                        for _ in 0..<2 { _ = try fetcher.fetch(FetchRequest("s3://bucket/x")) }
                    } catch let thrown {
                        error = thrown
                    }
                    return (server.requests, lender.requests, error)
                }
            }
        }
    }

    private static let secret = "wJalrXUtnFEMI/K7MDENG+bPxRfiCYEXAMPLEKEY"
    private static let json = """
        {"Code": "Success", "AccessKeyId": "AKIDEXAMPLE", "SecretAccessKey": "\(secret)", "Token": "lent-token",
         "Expiration": "2099-01-01T00:00:00Z"}
        """

    @Test("Variables come first, with the token of keys that were lent")
    func variables() throws {
        let result = try fetchObject(files: [
            ".aws/credentials": "[default]\naws_access_key_id = other\naws_secret_access_key = x"
        ]) { _, _ in
            [
                "AWS_ACCESS_KEY_ID": "AKIDEXAMPLE", "AWS_SECRET_ACCESS_KEY": Self.secret,
                "AWS_SESSION_TOKEN": "lent-token",
            ]
        }
        #expect(result.error == nil)
        #expect(result.store.count == 2)
        let half = try fetchObject { _, _ in ["AWS_ACCESS_KEY_ID": "AKIDEXAMPLE"] }
        #expect(half.error?.code == .credentials)
    }

    @Test("Profiles of the file of keys and of the file of settings, by name")
    func profiles() throws {
        let files = [
            ".aws/credentials":
                "[default]\naws_access_key_id=a\naws_secret_access_key=b\n[work]\naws_access_key_id = AKIDEXAMPLE\n"
                + "aws_secret_access_key = \(Self.secret)\naws_session_token = lent-token # lent\n",
            ".aws/config":
                "[profile work]\nregion = us-east-1\n[profile sso]\nsso_session = x\n[profile role]\nrole_arn = y\n",
        ]
        #expect(try fetchObject(files: files) { _, _ in ["AWS_PROFILE": "work"] }.error == nil)
        #expect(try fetchObject(files: files) { _, _ in [:] }.error?.code == .forbidden)
        for name in ["sso", "role", "missing"] {
            let error = try fetchObject(files: files) { _, _ in ["AWS_PROFILE": name] }.error
            #expect(error?.code == .credentials, "\(name)")
        }
        let elsewhere = try fetchObject(files: [
            "keys":
                "[default]\naws_access_key_id=AKIDEXAMPLE\naws_secret_access_key=\(Self.secret)\n"
                + "aws_session_token=lent-token"
        ]) { _, home in
            ["AWS_SHARED_CREDENTIALS_FILE": home + "/keys"]
        }
        #expect(elsewhere.error == nil)
    }

    @Test("A container's service, with its token")
    func container() throws {
        let result = try fetchObject(files: ["token": "let-me\n"]) { request in
            request.headers["authorization"] == "let-me" ? .answer(200, Array(Self.json.utf8)) : .answer(401)
        } _: { lender, home in
            [
                "AWS_CONTAINER_CREDENTIALS_FULL_URI": lender + "/keys",
                "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE": home + "/token",
            ]
        }
        #expect(result.error == nil)
        #expect(result.lender.map(\.path) == ["/keys"])
        let refusal: @Sendable (TestServer.Request) -> [TestServer.Step] = { _ in .answer(401) }
        let refused = try fetchObject(lend: refusal) { lender, _ in
            ["AWS_CONTAINER_CREDENTIALS_FULL_URI": lender + "/keys", "AWS_CONTAINER_AUTHORIZATION_TOKEN": "let-me"]
        }
        #expect(refused.error?.code == .forbidden)
        #expect(refused.error?.description.contains("let-me") == false)
    }

    @Test("An instance's service, which wants a session first; an instance without a role is anonymous")
    func instance() throws {
        let lend: @Sendable (TestServer.Request) -> [TestServer.Step] = { request in
            if request.method == "PUT", request.path == "/latest/api/token" {
                return .answer(200, Array("session".utf8))
            }
            guard request.headers["x-aws-ec2-metadata-token"] == "session" else { return .answer(401) }
            switch request.path {
            case "/latest/meta-data/iam/security-credentials/": return .answer(200, Array("the-role".utf8))
            case "/latest/meta-data/iam/security-credentials/the-role": return .answer(200, Array(Self.json.utf8))
            default: return .answer(404)
            }
        }
        let result = try fetchObject(lend: lend) { lender, _ in
            ["AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": lender]
        }
        #expect(result.error == nil)
        #expect(result.lender.count == 3)
        let noRole: @Sendable (TestServer.Request) -> [TestServer.Step] = {
            $0.method == "PUT" ? .answer(200, [0x61]) : .answer(404)
        }
        let none = try fetchObject(lend: noRole) { lender, _ in
            ["AWS_EC2_METADATA_DISABLED": "", "AWS_EC2_METADATA_SERVICE_ENDPOINT": lender]
        }
        #expect(none.error?.code == .forbidden)
        #expect(none.store.allSatisfy { $0.headers["authorization"] == nil })
    }

    @Test("The token service, for a role and a token in a file")
    func webIdentity() throws {
        let xml = """
            <AssumeRoleWithWebIdentityResponse xmlns="https://sts/"><AssumeRoleWithWebIdentityResult><Credentials>
            <AccessKeyId>AKIDEXAMPLE</AccessKeyId><SecretAccessKey>\(Self.secret)</SecretAccessKey>
            <SessionToken>lent-token</SessionToken><Expiration>2099-01-01T00:00:00Z</Expiration></Credentials>
            </AssumeRoleWithWebIdentityResult></AssumeRoleWithWebIdentityResponse>
            """
        let result = try fetchObject(files: ["jwt": "a.b&c"]) { _ in
            .answer(200, Array(xml.utf8))
        } _: { lender, home in
            [
                "AWS_WEB_IDENTITY_TOKEN_FILE": home + "/jwt", "AWS_ROLE_ARN": "arn:aws:iam::1:role/x",
                "AWS_ENDPOINT_URL_STS": lender,
            ]
        }
        #expect(result.error == nil)
        let body = String(decoding: try #require(result.lender.first).body, as: UTF8.self)
        #expect(body.contains("WebIdentityToken=a.b%26c") && body.contains("RoleArn=arn%3Aaws%3Aiam%3A%3A1%3Arole%2Fx"))
    }

    @Test("The files of the AWS tools: sections, comments, nested values")
    func files() {
        let file = ProfileFile(
            "; comment\n[default]\nregion = eu-west-1 # here\n[profile  a b]\ns3 =\n  addressing_style = path\n"
                + "  x=1\nregion=r\n"
                + "[services local]\ns3 =\n\tendpoint_url = http://127.0.0.1:9000\nbroken\n[")
        #expect(file.sections["default"] == ["region": "eu-west-1"])
        #expect(file.sections["profile a b"]?["s3.addressing_style"] == "path")
        #expect(file.sections["profile a b"]?["region"] == "r")
        #expect(file.sections["services local"]?["s3.endpoint_url"] == "http://127.0.0.1:9000")
    }

    @Test("XML that could grow, name files or is broken is refused")
    func xml() {
        let deep = String(repeating: "<a>", count: 100) + String(repeating: "</a>", count: 100)
        let broken = [
            "", "text", "<a>", "<a></b>", "<a/><b/>", "<a>&unknown;</a>", "<a>&#xD800;</a>", "<a>&</a>", deep, "</a>",
            "<>",
            "<!DOCTYPE a [<!ENTITY e \"x\">]><a>&e;</a>", "<!DOCTYPE a SYSTEM \"file:///etc/passwd\"><a/>", "<a>x</a>y",
            "<a b",
        ]
        for text in broken { #expect(XMLElement(parsing: Array(text.utf8)) == nil, "\(text)") }
        let fine = XMLElement(
            parsing: Array("<?xml version='1.0'?><!-- c --><p:a x='1'>1&amp;<b/>&#65;<![CDATA[<&>]]></p:a>\n".utf8))
        #expect(fine?.name == "a")
        #expect(fine?.text == "1&A<&>")
        #expect(fine?["b"]?.text == "")
    }
}
