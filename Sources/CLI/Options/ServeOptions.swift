import ArgumentParser
import Base
import Foundation
import Serving
import WorkerInterface

/// Where a service listens, who may ask it, and for how much.
struct ServeOptions: ParsableArguments {
    @Option(
        help: Variable.host.help(
            "Where to listen: an address of this machine, or unix:PATH for a socket.", default: "127.0.0.1",
            valueName: "address"))
    var host: String?

    @Option(help: Variable.port.help("The port; 0 for any that is free.", default: "8000", valueName: "port"))
    var port: Int?

    @Option(
        help: Variable.apiKeys.help(
            "Who may ask: a file of lines \"name sha256 [use|admin]\"; --new-key makes one.", valueName: "file"))
    var apiKeys: String?

    @Flag(help: Variable.noAuth.help("Let everybody ask who reaches an address that is not of this machine alone."))
    var noAuth = false

    @Flag(help: Variable.metricsAuth.help("Ask for a key at /metrics too."))
    var metricsAuth = false

    @Option(
        help: Variable.servedModelName.help(
            "What the model is called.", default: "the name of its folder", valueName: "name"))
    var servedModelName: String?

    @Option(help: Variable.maxBody.help("The largest body of a request, in MiB.", default: "64", valueName: "mib"))
    var maxBody: Int?

    @Option(help: Variable.maxPictures.help("Pictures of a request.", default: "16", valueName: "count"))
    var maxPictures: Int?

    @Option(
        help: Variable.pictureURLs.help(
            "Where pictures are fetched from for requests: off, public (the public internet), or hosts with commas.",
            default: "off", valueName: "off|public|host,…"))
    var pictureUrls: String?

    @Option(
        help: Variable.maxWaiting.help(
            "Requests that may wait; more are told to come again (429).", default: "256", valueName: "count"))
    var maxWaiting: Int?

    @Option(
        help: Variable.requestTimeout.help(
            "How long a request may take before it is canceled (504).", default: "600", valueName: "seconds"))
    var requestTimeout: Int?

    @Option(
        help: Variable.drainDelay.help(
            "How long /ready says no before no more requests are taken, after a request to stop.", default: "0",
            valueName: "seconds"))
    var drainDelay: Int?

    @Option(
        help: Variable.metricsPrefix.help(
            "The beginning of the metrics' names; \"vllm:\" for dashboards that are there.", default: "paligemma_",
            valueName: "text"))
    var metricsPrefix: String?

    @Option(
        help: Variable.state.help(
            "The folder of files and batches (/v1/files, /v1/batches), for this service alone; without it there are none.",
            valueName: "dir"))
    var state: String?

    @Flag(help: Variable.accessLog.help("Write a line of JSON for every request to standard error."))
    var accessLog = false

    /// Settles how the service is run: flags, variables, defaults.
    ///
    /// - Throws: a usage error where a value cannot be used; a failure where the file of keys cannot be read; ``StateError``.
    func resolved(queue: String) throws -> ServiceSettings {
        var settings = ServiceSettings(queue: queue)
        let place = try Variable.host.value(host) ?? "127.0.0.1"
        settings.address = try address(place)
        settings.keys = try keys()
        let isLocal = place.hasPrefix("unix:") || Self.isLoopback(place)
        guard try isLocal || settings.keys != nil || Variable.noAuth.isOn(noAuth) else {
            throw ValidationError(
                "'--host' is \(place), which others reach: give --api-keys FILE, or --no-auth where they all may ask.")
        }
        if isLocal { settings.hosts = ["localhost", "127.0.0.1", "::1", place.lowercased()] }
        settings.metricsNeedKey = try Variable.metricsAuth.isOn(metricsAuth)
        settings.modelName = try Variable.servedModelName.value(servedModelName)
        if let mebibytes = try bounded(Variable.maxBody.value(maxBody), "--max-body", 1...1024) {
            settings.limits.bodyBytes = mebibytes << 20
        }
        settings.limits.pictures =
            try bounded(Variable.maxPictures.value(maxPictures), "--max-pictures", 1...1000)
            ?? settings.limits.pictures
        switch try Variable.pictureURLs.value(pictureUrls) {
        case nil, "off"?: settings.pictureAddresses = .none
        case "public"?: settings.pictureAddresses = .publicOnly
        case let hosts?: settings.pictureAddresses = .hosts(hosts.split(separator: ",").map(String.init))
        }
        settings.maximumWaiting =
            try bounded(Variable.maxWaiting.value(maxWaiting), "--max-waiting", 1...100_000) ?? settings.maximumWaiting
        settings.requestSeconds =
            try bounded(Variable.requestTimeout.value(requestTimeout), "--request-timeout", 1...86_400)
            ?? settings.requestSeconds
        settings.drainDelay =
            try bounded(Variable.drainDelay.value(drainDelay), "--drain-delay", 0...3600) ?? settings.drainDelay
        settings.metricsPrefix = try metricsNames() ?? settings.metricsPrefix
        settings.log = { Console.log($0.onOneLine) }
        settings.state = try Variable.state.value(state).map { path throws(StateError) in try StateFolder(path) }
        if try Variable.accessLog.isOn(accessLog) { settings.accessLog = { Console.writeLine($0) } }
        return settings
    }

    private func address(_ place: String) throws -> ServiceSettings.Address {
        let port = try bounded(Variable.port.value(port), "--port", 0...65_535) ?? 8000
        guard place.hasPrefix("unix:") else { return .host(place, port: port) }
        let path = String(place.dropFirst(5))
        guard (1...100).contains(path.utf8.count) else {
            throw ValidationError("'--host' is \(place); give a path of 1 to 100 bytes.")
        }
        return .socket(path)
    }

    private func keys() throws -> APIKeys? {
        guard let path = try Variable.apiKeys.value(apiKeys) else { return nil }
        guard let bytes = FileSystem.contents(of: path) else {
            throw CommandFailure(.usage, "cannot read the keys of \(path): \(SystemError(errno))")
        }
        do {
            let keys = try APIKeys(String(decoding: bytes, as: UTF8.self))
            guard !keys.isEmpty else {
                throw CommandFailure(
                    .usage, "\(path) has no key; `paligemma serve --new-key NAME` prints a key and its line")
            }
            return keys
        } catch let error as APIKeys.LineError {
            throw CommandFailure(.usage, "cannot use the keys of \(path): \(error)")
        }
    }

    private func metricsNames() throws -> String? {
        guard let prefix = try Variable.metricsPrefix.value(metricsPrefix) else { return nil }
        let isName = prefix.utf8.allSatisfy { byte in
            UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte | 0x20 || byte == UInt8(ascii: "_")
                || byte == UInt8(ascii: ":")
        }
        guard isName else {
            throw ValidationError("'--metrics-prefix' is \(prefix); letters, _ and : are possible.")
        }
        return prefix
    }

    private func bounded(_ value: Int?, _ option: String, _ range: ClosedRange<Int>) throws -> Int? {
        guard let value, !range.contains(value) else { return value }
        throw ValidationError(
            "'\(option)' is \(value); a number from \(range.lowerBound) to \(range.upperBound) is expected.")
    }

    private static func isLoopback(_ host: String) -> Bool {
        host == "localhost" || host == "::1" || host.hasPrefix("127.")
    }
}
