import Base
import Fetch
import Foundation

/// What the environment says about hub, cache and token, by the rules of the Python package huggingface_hub.
package struct HubEnvironment: Sendable {
    private let variables: [String: String]

    /// The hub where `HF_ENDPOINT` names none.
    private static let publicEndpoint = "https://huggingface.co"

    package init(_ variables: [String: String] = ProcessEnvironment.variables) { self.variables = variables }

    /// The address of the hub, or of a mirror, without a `/` at its end.
    ///
    /// - Throws: ``HubError`` with the code `bad_setting` where the variable holds no address.
    package func endpoint() throws(HubError) -> String {
        guard var endpoint = value("HF_ENDPOINT") else { return Self.publicEndpoint }
        while endpoint.hasSuffix("/") { endpoint.removeLast() }
        let scheme = ["http://", "https://"].first { endpoint.lowercased().hasPrefix($0) }
        guard let scheme, endpoint.count > scheme.count, !endpoint.contains("?"), !endpoint.contains("#") else {
            throw HubError(
                .badSetting, at: "HF_ENDPOINT", "\(MaskedURL.text(endpoint)) is no address of a hub, as https://host is"
            )
        }
        return endpoint
    }

    /// The folder of the cache; it may not exist yet.
    ///
    /// - Throws: ``HubError`` with the code `bad_setting` where this user has no home directory and no variable names a
    ///   folder.
    package func cacheRoot() throws(HubError) -> String {
        if let given = value("HF_HUB_CACHE") ?? value("HUGGINGFACE_HUB_CACHE") { return expanded(given) }
        guard let home else {
            throw HubError(.badSetting, at: "HF_HOME", "there is no home directory for the cache; set the variable")
        }
        return home + "/hub"
    }

    /// The token; nil for none.
    ///
    /// - Throws: ``HubError`` with the code `bad_setting` where it holds characters that no token has, or its file cannot
    ///   be read.
    package func token() throws(HubError) -> String? {
        for name in ["HF_TOKEN", "HUGGING_FACE_HUB_TOKEN"] {
            if let token = value(name) { return try Self.checked(token, from: name) }
        }
        let named = value("HF_TOKEN_PATH").map(expanded)
        guard let path = named ?? home.map({ $0 + "/token" }), FileSystem.exists(path) else { return nil }
        guard let bytes = FileSystem.firstBytes(Self.longestToken, of: path) else {
            throw HubError(.badSetting, at: path, "the token's file cannot be read; check its permissions")
        }
        let token = Self.trimmed(String(decoding: bytes, as: UTF8.self))
        return token.isEmpty ? nil : try Self.checked(token, from: path)
    }

    /// Whether the network must not be used.
    package var isOffline: Bool { ["1", "on", "yes", "true"].contains(value("HF_HUB_OFFLINE")?.lowercased()) }

    /// What the fetcher may look at.
    var all: [String: String] { variables }

    private static let longestToken = 4096

    private static func checked(_ token: String, from source: String) throws(HubError) -> String {
        // A line break would begin another header.
        guard token.utf8.allSatisfy({ (0x21...0x7E).contains($0) }), token.utf8.count < longestToken else {
            throw HubError(.badSetting, at: source, "the token holds characters that no token has")
        }
        return token
    }

    /// `HF_HOME`, by default below the user's cache.
    private var home: String? {
        if let given = value("HF_HOME") { return expanded(given) }
        if let cache = value("XDG_CACHE_HOME") { return expanded(cache) + "/huggingface" }
        return userHome.map { $0 + "/.cache/huggingface" }
    }

    private var userHome: String? {
        let home = value("HOME") ?? NSHomeDirectory()
        return home.hasPrefix("/") ? home : nil
    }

    /// A path with `~` for the user's home directory.
    private func expanded(_ path: String) -> String {
        guard path == "~" || path.hasPrefix("~/"), let userHome else { return path }
        return userHome + path.dropFirst()
    }

    /// A variable without blanks around it; nil where it is not set or empty.
    private func value(_ name: String) -> String? {
        let text = variables[name].map(Self.trimmed) ?? ""
        return text.isEmpty ? nil : text
    }

    private static func trimmed(_ text: String) -> String { text.trimmingCharacters(in: .whitespacesAndNewlines) }
}
