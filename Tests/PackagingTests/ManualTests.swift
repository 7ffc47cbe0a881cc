import Foundation
import TestSupport
import Testing

@Suite("Manual pages and completions", .timeLimit(.minutes(15)))
struct ManualTests {
    private let root: TemporaryFolder

    init() throws {
        root = try TemporaryFolder()
        let outcome = try Programs.run(
            Recipes.path("packaging/generated"), [Programs.folder, root.path],
            environment: ["SOURCE_DATE_EPOCH": "1700000000"])
        try #require(outcome.status == 0, "\(outcome.errors)")
    }

    private func page(_ name: String) throws -> String {
        let outcome = try Programs.run("gzip", ["-dc", root.file("usr/share/man/man1/\(name).1.gz")])
        try #require(outcome.status == 0, "there is no page \(name)")
        return outcome.output
    }

    /// The text of a page that man(7) shows, without fonts and escapes.
    private func plain(_ page: String) -> String {
        page.replacingOccurrences(of: "\\-", with: "-").replacing(/\\f[BIR]/, with: "").replacing(/\\&/, with: "")
            .replacingOccurrences(of: "\\(dq", with: "\"").replacingOccurrences(of: "\\e", with: "\\")
    }

    @Test(
        "A command has a page with each of its options",
        arguments: [
            ["paligemma", "run"], ["paligemma", "serve"], ["paligemma", "supervise"], ["paligemma", "inspect", "plan"],
            ["paligemma", "bench", "kernels"], ["pg-worker"],
        ])
    func options(words: [String]) throws {
        let text = plain(try page(words.joined(separator: "-")))
        #expect(
            text.hasPrefix(
                ".TH \"\(words.joined(separator: "-").uppercased())\" 1 \"2023-11-14\" \"paligemma 0.1.0\"\n"))
        for section in ["NAME", "SYNOPSIS", "ENVIRONMENT", "SEE ALSO"] { #expect(text.contains("\n.SH \(section)\n")) }
        let flags = try Recipes.flags(of: words)
        #expect(flags.count > 3)
        for flag in flags where flag != "--version" {
            #expect(text.contains("\(flag) ") || text.contains("\(flag)\n") || text.contains("\(flag),"), "\(flag)")
        }
    }

    @Test("A page lists the commands below it, and no hidden one")
    func commands() throws {
        let text = plain(try page("paligemma"))
        for name in ["run", "serve", "inspect", "plan"] { #expect(text.contains("paligemma-\(name)(1)")) }
        #expect(plain(try page("paligemma-bench")).contains("paligemma-bench-kernels(1)"))
        let names = try FileManager.default.contentsOfDirectory(atPath: root.file("usr/share/man/man1"))
        #expect(!names.contains("paligemma-bench-limit.1.gz") && !names.contains("paligemma-help.1.gz"))
        #expect(names.count >= 19)
    }

    @Test("No line of a page is a request of roff that the generator did not write")
    func requests() throws {
        let known = [".TH", ".SH", ".TP", ".PP", ".RS", ".RE", ".nf", ".fi"]
        for name in try FileManager.default.contentsOfDirectory(atPath: root.file("usr/share/man/man1")) {
            for line in try page(String(name.dropLast(5))).split(separator: "\n")
            where line.hasPrefix(".") || line.hasPrefix("'") {
                #expect(known.contains { line.hasPrefix($0) }, "\(name): \(line)")
            }
        }
    }

    @Test("bash completes commands and options")
    func completions() throws {
        let script = root.file("usr/share/bash-completion/completions/")
        func completions(_ program: String, _ words: [String]) throws -> [String] {
            let list = words.map { "'\($0)'" }.joined(separator: " ")
            let command = """
                . '\(script)\(program)'
                function=$(complete -p \(program) | sed 's/.*-F \\([^ ]*\\) .*/\\1/')
                COMP_WORDS=(\(program) \(list)) COMP_CWORD=\(words.count) COMP_LINE="\(program) \(words.joined(separator: " "))"
                COMP_POINT=${#COMP_LINE} COMP_TYPE=9
                "$function" \(program) '\(words.last ?? "")' '' 2>/dev/null
                printf '%s\\n' "${COMPREPLY[@]}"
                """
            let path = [Programs.folder, ProcessInfo.processInfo.environment["PATH"] ?? ""].joined(separator: ":")
            let outcome = try Programs.run("bash", ["-c", command], environment: ["PATH": path])
            return outcome.output.split(separator: "\n").map { $0.trimmingCharacters(in: .whitespaces) }
        }
        #expect(try completions("paligemma", ["su"]).sorted() == ["submit", "supervise"])
        #expect(try completions("paligemma", ["serve", "--api"]) == ["--api-keys"])
        #expect(try completions("pg-worker", ["--ranks"]) == ["--ranks-expected"])
    }

    @Test(
        "The scripts for other shells are there",
        arguments: ["zsh/vendor-completions/_paligemma", "fish/vendor_completions.d/pg-worker.fish"])
    func otherShells(name: String) throws {
        let text = try String(contentsOfFile: root.file("usr/share/" + name), encoding: .utf8)
        #expect(text.contains("api-keys") || text.contains("ranks-expected"))
    }
}
