import Base
import Foundation
import Serving
import TestSupport
import Testing

/// A real Chromium, driven over the WebDriver protocol by the chromedriver of the system.
final class Browser {
    struct Failure: Error, CustomStringConvertible { let description: String }

    /// The keys under which WebDriver has elements.
    private static let elementKey = "element-6066-11e4-a52e-4f735466cecf"

    /// Begins a command that runs another one with the signals 32 and 33 as they should be: posix_spawn of glibc leaves its own
    /// signals ignored in children, and Chromium does not start so. No call of glibc changes them.
    static let withAllSignals = [
        "perl", "-e",
        "$call = `uname -m` =~ /x86_64/ ? 13 : 134; $all = pack('x32'); "
            + "syscall($call, $_, $all, 0, 8) for 32, 33; exec @ARGV or die",
    ]

    private let folder: TemporaryFolder
    private let driver: BackgroundProgram
    private let port: Int
    private var session = ""

    /// - Throws: Where there is no Chromium, or it does not start.
    init() throws {
        folder = try TemporaryFolder()
        var environment = BackgroundProgram.plainEnvironment
        environment["TMPDIR"] = folder.path
        environment["HOME"] = folder.path
        driver = try BackgroundProgram(
            "/usr/bin/env", Self.withAllSignals + ["chromedriver", "--port=0"], environment: environment,
            output: folder.file("driver"))
        var port: Int?
        let driver = driver
        try Wait.until("chromedriver listens", seconds: 60) {
            if !driver.isRunning { throw Failure(description: "chromedriver ended: \(driver.output)") }
            let line = driver.output.split(separator: "\n").first { $0.contains("started successfully on port ") }
            port = line?.split(separator: " ").last.flatMap { Int($0.prefix { $0.isNumber }) }
            return port != nil
        }
        self.port = try #require(port)
        let options = JSON.record([
            "binary": .string("/usr/bin/chromium"),
            "args": .array(
                [
                    "--headless", "--no-sandbox", "--disable-gpu", "--disable-dev-shm-usage", "--hide-scrollbars",
                    "--window-size=1280,900",
                ]
                .map { .string($0) }),
        ])
        let capabilities = JSON.record([
            "browserName": .string("chrome"), "goog:loggingPrefs": .record(["browser": .string("ALL")]),
            "goog:chromeOptions": options,
        ])
        let answer = try call(
            "POST", "/session", .record(["capabilities": .record(["alwaysMatch": capabilities])]), isSession: true)
        session = try #require(answer["sessionId"]?.string)
    }

    deinit {
        _ = try? call("DELETE", "")
        driver.signal(SIGTERM)
        driver.wait()
    }

    /// - Throws: The error of the driver.
    @discardableResult
    private func call(_ method: String, _ path: String, _ body: JSON? = nil, isSession: Bool = false) throws -> JSON {
        let text = body.map { String(decoding: $0.bytes, as: UTF8.self) } ?? (method == "POST" ? "{}" : "")
        let response = try HTTPExchange.request(
            method, isSession ? path : "/session/\(session)\(path)", port: port, body: text)
        let value = try JSON(parsing: response.text)["value"] ?? .null
        guard response.status == 200 else {
            throw Failure(description: "\(method) \(path): \(value["message"]?.string ?? response.text)")
        }
        return value
    }

    // MARK: Pages

    func open(_ address: String) throws { try call("POST", "/url", .record(["url": .string(address)])) }

    /// Returns the value of an expression of JavaScript.
    func value(_ expression: String) throws -> JSON {
        try call(
            "POST", "/execute/sync", .record(["script": .string("return \(expression);"), "args": .array([])]))
    }

    /// Returns the text of what a selector finds, as the page holds it.
    func text(_ selector: String) throws -> String {
        try value("document.querySelector(\"\(selector)\").textContent").string ?? ""
    }

    func isTrue(_ expression: String) throws -> Bool { try value("Boolean(\(expression))").bool ?? false }

    /// Waits until an expression is true.
    func wait(for expression: String) throws { try Wait.until(expression, seconds: 60) { try isTrue(expression) } }

    /// Sends a command of the DevTools protocol.
    func command(_ name: String, _ parameters: JSON) throws {
        try call("POST", "/goog/cdp/execute", .record(["cmd": .string(name), "params": parameters]))
    }

    /// The lines of the console: refused or failed loads, errors of scripts.
    func console() throws -> [String] {
        try (call("POST", "/se/log", .record(["type": .string("browser")])).array ?? []).compactMap {
            $0["message"]?.string
        }
    }

    // MARK: Elements

    private func element(_ selector: String) throws -> String {
        let found = try call(
            "POST", "/element", .record(["using": .string("css selector"), "value": .string(selector)]))
        return try #require(found[Self.elementKey]?.string)
    }

    func click(_ selector: String) throws { try call("POST", "/element/\(element(selector))/click") }

    /// Types into an element; a file's path into a field for files.
    func type(_ text: String, into selector: String) throws {
        try call("POST", "/element/\(element(selector))/value", .record(["text": .string(text)]))
    }

    /// Returns the role and the name of an element, as a screen reader has them.
    func heard(_ selector: String) throws -> [String] {
        let element = try element(selector)
        return try ["computedrole", "computedlabel"].map {
            try call("GET", "/element/\(element)/\($0)").string ?? ""
        }
    }

    /// Presses a key: a character, or one of WebDriver's.
    func press(_ key: String) throws {
        let actions = ["keyDown", "keyUp"].map { JSON.record(["type": .string($0), "value": .string(key)]) }
        let source = JSON.record([
            "type": .string("key"), "id": .string("keyboard"), "actions": .array(actions),
        ])
        try call("POST", "/actions", .record(["actions": .array([source])]))
    }

    static let tab = "\u{E004}"

    // MARK: Looks

    func prefer(dark: Bool) throws {
        let feature = JSON.record([
            "name": .string("prefers-color-scheme"), "value": .string(dark ? "dark" : "light"),
        ])
        try command("Emulation.setEmulatedMedia", .record(["features": .array([feature])]))
    }

    /// Makes the page so wide and so high, in pixels.
    func resize(_ width: Int, _ height: Int, scale: Int = 1) throws {
        try command(
            "Emulation.setDeviceMetricsOverride",
            .record([
                "width": .integer(width), "height": .integer(height), "deviceScaleFactor": .integer(scale),
                "mobile": .bool(false),
            ]))
    }

    /// Writes a picture of the whole page to the artifacts of the tests.
    ///
    /// - Parameter width: In pixels.
    func screenshot(_ name: String, width: Int, scale: Int = 1) throws {
        try resize(width, 900, scale: scale)
        let height = try value("document.documentElement.scrollHeight").integer ?? 900
        try resize(width, height, scale: scale)
        let text = try call("GET", "/screenshot").string ?? ""
        let data = try #require(Data(base64Encoded: text))
        try FileManager.default.createDirectory(atPath: Self.artifacts, withIntermediateDirectories: true)
        try data.write(to: URL(fileURLWithPath: Self.artifacts + "/\(name).png"))
    }

    /// Where pictures of the page are kept: the folder of the variable, else one beside the built programs.
    private static let artifacts =
        ProcessInfo.processInfo.environment["PALIGEMMA_TEST_ARTIFACTS"] ?? Programs.folder + "/page"
}
