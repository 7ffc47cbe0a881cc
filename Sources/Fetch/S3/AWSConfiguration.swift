import Foundation

/// Region, endpoint and profile, from the environment and the files of the AWS tools, in their order.
struct AWSConfiguration: Sendable {
    let environment: [String: String]
    /// The values of the profile in `~/.aws/config`.
    let profile: [String: String]
    /// The values of the profile in `~/.aws/credentials`.
    let keys: [String: String]
    let profileName: String
    let region: String
    /// Where the object store is; nil for that of AWS.
    let endpoint: String?
    /// Whether the bucket stands in the path even at AWS.
    let usesPathStyle: Bool

    /// - Throws: ``FetchError`` with code `credentials` where a file cannot be read, or there is no profile of the name
    ///   that the environment has.
    init(_ environment: [String: String]) throws(FetchError) {
        func value(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
        self.environment = environment
        let home = value("HOME") ?? NSHomeDirectory()
        func path(_ variable: String, _ name: String) -> String {
            guard let path = value(variable) else { return "\(home)/.aws/\(name)" }
            return path.hasPrefix("~/") ? home + path.dropFirst() : path
        }
        let config = try ProfileFile(path: path("AWS_CONFIG_FILE", "config"))
        let credentials = try ProfileFile(path: path("AWS_SHARED_CREDENTIALS_FILE", "credentials"))
        let named = value("AWS_PROFILE") ?? value("AWS_DEFAULT_PROFILE")
        profileName = named ?? "default"
        if let named, config.sections[named] == nil, credentials.sections[named] == nil {
            throw FetchError(
                .credentials, at: "AWS_PROFILE", "there is no profile \(named) in ~/.aws/config and ~/.aws/credentials")
        }
        profile = config.sections[profileName] ?? [:]
        keys = credentials.sections[profileName] ?? [:]
        region = value("AWS_REGION") ?? value("AWS_DEFAULT_REGION") ?? profile["region"] ?? "us-east-1"
        let services = profile["services"].flatMap { config.sections["services \($0)"]?["s3.endpoint_url"] }
        let isIgnored = value("AWS_IGNORE_CONFIGURED_ENDPOINT_URLS")?.lowercased() == "true"
        endpoint =
            isIgnored
            ? nil
            : value("AWS_ENDPOINT_URL_S3") ?? value("AWS_ENDPOINT_URL") ?? services ?? profile["endpoint_url"]
        usesPathStyle = profile["s3.addressing_style"] == "path"
    }

    /// A variable that is set and not empty.
    func variable(_ name: String) -> String? { environment[name].flatMap { $0.isEmpty ? nil : $0 } }
}
