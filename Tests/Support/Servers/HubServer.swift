import Base
import Foundation

/// Two servers that behave like a hub of models: the hub itself at 127.0.0.1, and at localhost the one that has the large
/// files, to which the hub sends with signed addresses that hold once they are asked for.
package final class HubServer: Sendable {
    package struct Repository: Sendable {
        package var files: [String: [UInt8]]
        /// What is larger lies on the other server.
        package var largestSmall = 1000
        package var commit = String(repeating: "0123456789", count: 4)
        /// Branches, tags and pull requests beside `main`.
        package var revisions: Set<String> = []
        /// Whether a token is needed, whose account has accepted the terms.
        package var isGated = false
        /// Files of a page of the listing.
        package var pageSize = 1000
        /// What stands in front of the path in the address of the next page; nil for this server.
        package var linkBase: String?
        /// What the listing says of files in place of the truth.
        package var listedSizes: [String: Int] = [:]
        package var listedNames: [String: String] = [:]
        package var hidesDigests = false

        package init(_ files: [String: [UInt8]]) { self.files = files }
    }

    /// Answers in place of a server; nil for the usual answer.
    package typealias Fault = @Sendable (TestServer.Request, _ count: Int) -> [TestServer.Step]?

    package static let token = "hf_ThisIsTheTokenOfATest"
    package let hub: TestServer
    package let store: TestServer

    /// - Parameters:
    ///   - hubFault: asked with each request to the hub, and how many came for the same path before.
    ///   - storeFault: the same for the other server.
    /// - Throws: where no port is free.
    package init(
        _ repositories: [String: Repository], hubFault: @escaping Fault = { _, _ in nil },
        storeFault: @escaping Fault = { _, _ in nil }
    ) throws {
        let counts = Locked<[String: Int]>([:])
        @Sendable func counted(_ prefix: String, _ request: TestServer.Request) -> Int {
            counts.withLock { counts in
                counts[prefix + request.path, default: 0] += 1
                return (counts[prefix + request.path] ?? 1) - 1
            }
        }
        let blobs = Dictionary(
            repositories.values.flatMap { $0.files.values }.map { (SHA256.hexadecimal(of: $0), $0) }
        ) { first, _ in first }
        let store = try TestServer { request in
            if let steps = storeFault(request, counted("store", request)) { return steps }
            guard request.target.contains("signature="), let bytes = blobs[String(request.path.dropFirst())] else {
                return .answer(403, Array("<Error><Code>AccessDenied</Code></Error>".utf8))
            }
            return .file(bytes, tag: "\"store\"", for: request)
        }
        let address = "http://localhost:\(store.port)"
        self.store = store
        hub = try TestServer { request in
            hubFault(request, counted("hub", request)) ?? Self.answer(request, repositories, store: address)
        }
    }

    /// Ends both.
    package func stop() {
        hub.stop()
        store.stop()
    }

    /// What a program needs to use this hub and a cache of its own.
    package func environment(home: String) -> [String: String] {
        [
            "HF_ENDPOINT": hub.address(""), "HF_HOME": home, "HF_TOKEN": Self.token, "HF_HUB_OFFLINE": "",
            "HF_HUB_CACHE": "", "HUGGINGFACE_HUB_CACHE": "", "no_proxy": "*",
        ]
    }

    private static func refusal(_ status: Int, _ code: String, _ message: String) -> [TestServer.Step] {
        .answer(
            status, Array("{\"error\":\"\(message)\"}".utf8), ["X-Error-Code: \(code)", "X-Error-Message: \(message)"])
    }

    private static func answer(
        _ request: TestServer.Request, _ repositories: [String: Repository], store: String
    ) -> [TestServer.Step] {
        let isAPI = request.path.hasPrefix("/api/models/")
        let parts = request.path.dropFirst(isAPI ? "/api/models/".count : 1).split(separator: "/").map(String.init)
        guard parts.count >= 4, let repository = repositories["\(parts[0])/\(parts[1])"] else {
            return refusal(401, "RepoNotFound", "Repository not found")
        }
        let rest = parts[3...].map { $0.removingPercentEncoding ?? "" }
        switch (isAPI, parts[2]) {
        case (true, "revision"):
            guard parts.count == 4, let revision = rest.first, repository.has(revision) else {
                return refusal(404, "RevisionNotFound", "Invalid rev id: \(rest.joined(separator: "/"))")
            }
            return .answer(200, Array("{\"id\":\"\(parts[0])/\(parts[1])\",\"sha\":\"\(repository.commit)\"}".utf8))
        case (true, "tree"): return repository.listing(request)
        case (false, "resolve"):
            return repository.file(rest.dropFirst().joined(separator: "/"), request, store: store)
        default: return .answer(404)
        }
    }
}

extension HubServer.Repository {
    fileprivate func has(_ revision: String) -> Bool {
        revision == "main" || revision == commit || revisions.contains(revision)
    }

    fileprivate func listing(_ request: TestServer.Request) -> [TestServer.Step] {
        let start = request.target.firstRange(of: "cursor=").flatMap { Int(request.target[$0.upperBound...]) } ?? 0
        let names = files.keys.sorted()
        let page = names[start..<min(start + pageSize, names.count)]
        var entries = start == 0 ? ["{\"type\":\"directory\",\"oid\":\"0\",\"size\":0,\"path\":\"folder\"}"] : []
        for name in page {
            let bytes = files[name] ?? []
            let size = listedSizes[name] ?? bytes.count
            var entry = "{\"type\":\"file\",\"path\":\"\(listedNames[name] ?? name)\""
            if bytes.count > largestSmall {
                let digest = hidesDigests ? "" : "\"oid\":\"\(SHA256.hexadecimal(of: bytes))\","
                entry +=
                    ",\"size\":\(size),\"oid\":\"pointer\",\"lfs\":{\(digest)\"size\":\(size),\"pointerSize\":135}}"
            } else {
                entry += ",\"size\":\(size)" + (hidesDigests ? "}" : ",\"oid\":\"\(SHA1.gitBlob(bytes))\"}")
            }
            entries.append(entry)
        }
        var headers: [String] = []
        if start + pageSize < names.count {
            let base = linkBase ?? "http://\(request.headers["host"] ?? "")"
            let query = "recursive=true&expand=false&cursor=\(start + pageSize)"
            headers = ["Link: <\(base)\(request.path)?\(query)>; rel=\"next\""]
        }
        return .answer(200, Array("[\(entries.joined(separator: ","))]".utf8), headers)
    }

    fileprivate func file(_ name: String, _ request: TestServer.Request, store: String) -> [TestServer.Step] {
        let token = request.headers["authorization"]
        if isGated, token != "Bearer \(HubServer.token)" {
            return .answer(
                token == nil ? 401 : 403, [],
                ["X-Error-Code: GatedRepo", "X-Error-Message: Access to model is restricted."])
        }
        guard let bytes = files[name] else { return .answer(404, [], ["X-Error-Code: EntryNotFound"]) }
        if bytes.count <= largestSmall {
            return .file(bytes, tag: "\"\(SHA1.gitBlob(bytes))\"", for: request)
        }
        let digest = SHA256.hexadecimal(of: bytes)
        return .answer(
            302, [],
            [
                "Location: \(store)/\(digest)?signature=\(UInt64.random(in: 1_000_000 ... .max))",
                "X-Repo-Commit: \(commit)", "X-Linked-Size: \(bytes.count)", "X-Linked-ETag: \"\(digest)\"",
                "ETag: \"other\"",
            ])
    }
}
