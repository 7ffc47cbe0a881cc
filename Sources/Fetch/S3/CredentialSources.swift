import Base
import Foundation

/// Finds keys in the places and the order of the AWS tools: environment, web identity, profile, container, instance.
struct CredentialSources {
    let configuration: AWSConfiguration
    /// Makes an HTTP request and returns the body of its answer.
    let ask: (HTTPRequest) throws(FetchError) -> [UInt8]

    /// Returns the keys; nil where there are none, so that requests are anonymous.
    ///
    /// - Throws: ``FetchError`` where keys are set up but incomplete, of a kind that is not read, or not given out.
    func find() throws(FetchError) -> AWSCredentials? {
        if let keys = try fromEnvironment() { return keys }
        if let keys = try fromWebIdentity() { return keys }
        if let keys = try fromProfile() { return keys }
        if let keys = try fromContainer() { return keys }
        return try fromInstance()
    }

    private func fault(_ place: String, _ reason: String) -> FetchError { FetchError(.credentials, at: place, reason) }

    private func fromEnvironment() throws(FetchError) -> AWSCredentials? {
        let (access, secret) = ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY")
        guard let accessKey = configuration.variable(access) else { return nil }
        guard let secretKey = configuration.variable(secret) else {
            throw fault(access, "\(access) is set, but \(secret) is not")
        }
        return AWSCredentials(
            accessKey: accessKey, secretKey: secretKey, sessionToken: configuration.variable("AWS_SESSION_TOKEN"))
    }

    private func fromProfile() throws(FetchError) -> AWSCredentials? {
        let place = "profile \(configuration.profileName)"
        for values in [configuration.keys, configuration.profile] {
            guard let accessKey = values["aws_access_key_id"] else { continue }
            guard let secretKey = values["aws_secret_access_key"] else {
                throw fault(place, "it has aws_access_key_id but no aws_secret_access_key")
            }
            return AWSCredentials(
                accessKey: accessKey, secretKey: secretKey, sessionToken: values["aws_session_token"])
        }
        for kind in ["role_arn", "sso_session", "sso_start_url", "credential_process", "source_profile"] {
            guard configuration.profile[kind] == nil, configuration.keys[kind] == nil else {
                throw fault(
                    place,
                    "its keys come from \(kind), which is not read; set the variables that "
                        + "`aws configure export-credentials --format env` prints")
            }
        }
        return nil
    }
}

// MARK: Keys that are lent over the network

extension CredentialSources {
    /// Seconds for which a service on the same host or link is waited for.
    private static let localSeconds = 1.0

    private func request(
        _ address: String, _ source: String, headers: [HTTPHeader] = [], retries: Int = 2, seconds: Double = 10
    ) throws(FetchError) -> HTTPRequest {
        HTTPRequest(
            address: try WebAddress(address), source: source, headers: headers, bodyLimit: 1 << 20, isInternal: true,
            retries: retries, seconds: seconds, connectSeconds: Self.localSeconds, transfersPerHost: 4)
    }

    private func file(_ path: String) throws(FetchError) -> String {
        do throws(FileError) {
            let bytes = try FileBytes(path: path, maximumSize: 1 << 20).bytes
            return String(decoding: bytes, as: UTF8.self).trimmingCharacters(in: .whitespacesAndNewlines)
        } catch {
            throw fault(path, error.reason)
        }
    }

    private func fromWebIdentity() throws(FetchError) -> AWSCredentials? {
        guard let path = configuration.variable("AWS_WEB_IDENTITY_TOKEN_FILE"),
            let role = configuration.variable("AWS_ROLE_ARN")
        else { return nil }
        let source = "the token service for AWS_ROLE_ARN"
        let session = configuration.variable("AWS_ROLE_SESSION_NAME") ?? "paligemma"
        let domain = configuration.region.hasPrefix("cn-") ? "amazonaws.com.cn" : "amazonaws.com"
        let endpoint =
            configuration.variable("AWS_ENDPOINT_URL_STS") ?? "https://sts.\(configuration.region).\(domain)"
        var question = try request(
            endpoint + "/", source,
            headers: [HTTPHeader(name: "Content-Type", value: "application/x-www-form-urlencoded")])
        question.connectSeconds = 10
        question.seconds = 30
        question.method = .post
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"), ("Version", "2011-06-15"), ("RoleArn", role),
            ("RoleSessionName", session), ("WebIdentityToken", try file(path)),
        ]
        question.body = Array(
            form.map { "\($0.0)=\(PercentEncoding.strict($0.1))" }.joined(separator: "&").utf8)
        let keys = XMLElement(parsing: try ask(question))?["AssumeRoleWithWebIdentityResult"]?["Credentials"]
        guard let accessKey = keys?["AccessKeyId"]?.text, let secretKey = keys?["SecretAccessKey"]?.text,
            let token = keys?["SessionToken"]?.text
        else { throw fault(source, "its answer holds no keys") }
        return AWSCredentials(
            accessKey: accessKey, secretKey: secretKey, sessionToken: token,
            expires: keys?["Expiration"].flatMap { CalendarTime.seconds($0.text) })
    }

    private func fromContainer() throws(FetchError) -> AWSCredentials? {
        let address: String
        if let path = configuration.variable("AWS_CONTAINER_CREDENTIALS_RELATIVE_URI") {
            address = "http://169.254.170.2\(path)"
        } else if let full = configuration.variable("AWS_CONTAINER_CREDENTIALS_FULL_URI") {
            address = full
        } else {
            return nil
        }
        var headers: [HTTPHeader] = []
        if let path = configuration.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE") {
            headers = [HTTPHeader(name: "Authorization", value: try file(path))]
        } else if let token = configuration.variable("AWS_CONTAINER_AUTHORIZATION_TOKEN") {
            headers = [HTTPHeader(name: "Authorization", value: token)]
        }
        let source = "the container's service for keys"
        return try keys(in: try ask(try request(address, source, headers: headers)), source)
    }

    private func fromInstance() throws(FetchError) -> AWSCredentials? {
        guard configuration.variable("AWS_EC2_METADATA_DISABLED")?.lowercased() != "true" else { return nil }
        let root = configuration.variable("AWS_EC2_METADATA_SERVICE_ENDPOINT") ?? "http://169.254.169.254"
        let base = root.hasSuffix("/") ? String(root.dropLast()) : root
        let source = "the instance's service for keys"
        var question = try request(
            base + "/latest/api/token", source,
            headers: [HTTPHeader(name: "X-aws-ec2-metadata-token-ttl-seconds", value: "21600")], retries: 0, seconds: 2)
        question.method = .put
        // Where nobody answers this is no instance of EC2.
        guard let token = try? ask(question) else { return nil }
        let headers = [
            HTTPHeader(name: "X-aws-ec2-metadata-token", value: OneLine.text(token, maximumLength: 1024))
        ]
        let roles = base + "/latest/meta-data/iam/security-credentials/"
        let names: [UInt8]
        do throws(FetchError) {
            names = try ask(try request(roles, source, headers: headers))
        } catch {
            // An instance without a role has no keys.
            if error.code == .notFound { return nil }
            throw error
        }
        guard let role = String(decoding: names, as: UTF8.self).split(whereSeparator: \.isNewline).first else {
            return nil
        }
        return try keys(
            in: try ask(try request(roles + PercentEncoding.strict(role), source, headers: headers)), source)
    }

    /// Reads keys as containers and instances give them.
    private func keys(in bytes: [UInt8], _ source: String) throws(FetchError) -> AWSCredentials {
        let answer = try? JSON(parsing: bytes, duplicateKeys: .kept)
        guard let answer, let accessKey = answer["AccessKeyId"]?.string,
            let secretKey = answer["SecretAccessKey"]?.string
        else { throw fault(source, "its answer holds no keys") }
        return AWSCredentials(
            accessKey: accessKey, secretKey: secretKey, sessionToken: answer["Token"]?.string,
            expires: answer["Expiration"]?.string.flatMap(CalendarTime.seconds))
    }
}
