import Base
import Foundation
import Testing

@Suite("Flags, variables and exit codes", .timeLimit(.minutes(15)))
struct UsageTests {
    let bench: CommandBench

    init() throws {
        bench = try CommandBench()
    }

    @Test(
        "The help names the variable of every flag",
        arguments: [
            "run", "submit", "status", "results", "failed", "retry", "cancel", "purge", "inspect image",
            "inspect model", "inspect plan", "inspect logits", "random-model", "pull",
            "bench", "bench kernels", "plan", "doctor", "serve",
        ])
    func help(command: String) throws {
        let words = ["help"] + command.split(separator: " ").map(String.init)
        let help = try RunningCommand(bench, words).wait()
        #expect(help.code == 0)
        #expect(help.errors.isEmpty)
        // The entry of a flag reaches to the next one.
        let entries = help.output.components(separatedBy: "\n  -").dropFirst()
        for entry in entries where !entry.contains("-help") && !entry.hasPrefix("-version") {
            #expect(entry.contains("[PALIGEMMA_"), "no variable at -\(entry)")
        }
        #expect(entries.count > 2)
    }

    @Test("Every way to end has its exit code")
    func exitCodes() throws {
        #expect(try bench.run("--version").code == 0)
        #expect(try bench.run("bogus").code == 2)
        #expect(try bench.run("status", "--bogus").code == 2)
        #expect(try bench.run("status").code == 2)
        #expect(try bench.run("status", "--queue", "missing.db").code == 5)
        #expect(try bench.run("results", "--queue", "model/config.json").code == 5)
        #expect(try bench.run("submit", "--queue", "jobs.db").code == 2)
        #expect(try bench.run("submit", "--queue", "jobs.db", "x.jpg").code == 2)
        #expect(try bench.run("submit", "--queue", "jobs.db", "--jobs", "missing.jsonl").code == 2)
        #expect(try bench.run("submit", "--queue", "jobs.db", "--prompt", "x", "--max-tokens", "0", "x.jpg").code == 2)
        for wrong in [
            ["--task", "paint"], ["--task", "detect"], ["--task", "ocr", "--prompt", "x"], ["--lang", "de"],
            ["--task", "caption", "--lang", "english"],
        ] {
            let words = ["submit", "--queue", "jobs.db", "x.jpg"] + wrong
            #expect(try RunningCommand(bench, words).wait().code == 2, "\(wrong)")
        }
        #expect(try bench.run("status", "--queue", "postgres://host/db?bogus=1").code == 2)
        #expect(try bench.run("status", "--queue", "postgres://x@%2Ftmp%2Fno-such-folder/db").code == 5)
        #expect(try bench.run("purge", "--queue", "jobs.db", "--older-than", "week").code == 2)
        #expect(try bench.run("retry", "--queue", "jobs.db").code == 2)
        #expect(try bench.run("cancel", "--queue", "jobs.db", "--all", "a").code == 2)
        #expect(try bench.run("inspect", "model", "missing").code == 4)
        #expect(try bench.run("inspect", "image", "missing.jpg", "--model", "model", "--output", "o.png").code == 1)
        #expect(try bench.run("random-model", "--shape", "7b", "--output", "m").code == 2)
        #expect(try bench.run("run", "--model", "missing", "--prompt", "x", "x.jpg", "--output", "o").code == 4)
        #expect(
            try bench.run(
                "run", "--model", "model", "--adapter", "a=missing", "--prompt", "x", "x.jpg", "--output", "o"
            ).code == 4)
        let tooMany = try bench.run(
            "run", "--model", "model", "--ranks", "99", "--prompt", "x", "x.jpg", "--output", "o")
        #expect(tooMany.code == 2)
    }

    @Test("A public model is planned without its files")
    func plan() throws {
        let outcome = try bench.run(
            "inspect", "plan", "--shape", "pg2-28b-896", "--ranks", "4", "--prefill", "columns", "--precision", "int8")
        #expect(outcome.code == 0, "\(outcome.errors)")
        for part in ["checkpoint   55.3 GB", "4 ranks: ", "heads 0-10 on key/value heads 0-5", "rank 3 "] {
            #expect(outcome.output.contains(part), "no \(part) in:\n\(outcome.output)")
        }
        #expect(try bench.run("inspect", "plan", "--shape", "pg2-9b-224").code == 2)
    }

    @Test("A model is described rank by rank")
    func model() throws {
        let outcome = try bench.run("inspect", "model", CommandBench.miniature, "--ranks", "4")
        #expect(outcome.code == 0)
        for part in [
            "pictures ", "vision ", "Gemma ", "BF16", "fingerprint ", "--precision int8", "4 ranks: ", "rank 3 ",
        ] {
            #expect(outcome.output.contains(part))
        }
    }

    @Test("A flag goes before its variable")
    func precedence() throws {
        let variables = ["PALIGEMMA_QUEUE": "variable.db", "PALIGEMMA_PROMPT": "ocr", "PALIGEMMA_MAX_TOKENS": "7"]
        _ = try bench.run("submit", "x.jpg", environment: variables)
        _ = try bench.run("submit", "--queue", "flag.db", "x.jpg", environment: variables)
        for name in ["variable.db", "flag.db"] {
            let status = try bench.run("status", "--json", environment: ["PALIGEMMA_QUEUE": name])
            #expect(status.output.contains("\"ready\":1"))
        }
        let wrong = try bench.run(
            "submit", "--queue", "jobs.db", "--prompt", "x", "x.jpg", environment: ["PALIGEMMA_MAX_TOKENS": "many"])
        #expect(wrong.code == 2)
        #expect(wrong.errors.contains("PALIGEMMA_MAX_TOKENS"))
    }

    @Test(
        "The former name of a renamed flag or variable still works",
        arguments: [(["--most-deaths", "0"], [:]), ([], ["PALIGEMMA_MOST_DEATHS": "0"])])
    func formerNames(flags: [String], environment: [String: String]) throws {
        let words = ["supervise"] + flags + ["--", "true"]
        let outcome = try RunningCommand(bench, words, environment: environment).wait()
        #expect(outcome.code == 2)
        #expect(
            outcome.errors.contains("--maximum-deaths (PALIGEMMA_MAXIMUM_DEATHS) is 0; a number from 1 is expected"))
    }

    @Test("Data goes to standard output, and messages go to standard error")
    func outputs() throws {
        try bench.writePictures(2)
        let submitted = try bench.run("submit", "--queue", "jobs.db", "--prompt", "ocr", "pictures")
        #expect(submitted.code == 0)
        #expect(submitted.output.isEmpty)
        #expect(submitted.errors.contains("2 added, 0 known"))
        let status = try bench.run("status", "--queue", "jobs.db", "--json")
        #expect(status.errors.isEmpty)
        let states =
            #""ready":2,"leased":0,"retry":0,"done":0,"failed":0,"cancelled":0,"total":2,"#
            + #""per_second":0.0,"worlds":0"#
        #expect(status.output == #"{"queue":"jobs.db","model":null,"# + states + "}\n")
        #expect(try bench.run("results", "--queue", "jobs.db").output.isEmpty)
    }

    @Test("A task makes the prompt")
    func task() throws {
        try bench.writePictures(1)
        let submitted = try bench.run(
            "submit", "--queue", "jobs.db", "--task", "detect", "--about", "red car;dog", "pictures")
        #expect(submitted.code == 0)
        #expect(try bench.run("cancel", "--queue", "jobs.db", "--all").code == 0)
        #expect(try bench.run("results", "--queue", "jobs.db").output.contains(#""prompt":"detect red car ; dog""#))
    }

    @Test("A known id with other contents is refused, unless --replace is given")
    func otherContents() throws {
        try bench.write(#"{"id": "a", "images": ["x.png"], "prompt": "ocr"}"#, to: "one.jsonl")
        try bench.write(#"{"id": "a", "images": ["x.png"], "prompt": "caption en"}"#, to: "two.jsonl")
        #expect(try bench.run("submit", "--queue", "jobs.db", "--jobs", "one.jsonl").code == 0)
        #expect(try bench.run("submit", "--queue", "jobs.db", "--jobs", "one.jsonl").errors.contains("1 known"))
        let refused = try bench.run("submit", "--queue", "jobs.db", "--jobs", "two.jsonl")
        #expect(refused.code == 2)
        #expect(refused.errors.contains("two.jsonl line 1: job 'a' is already in the queue with other contents"))
        let replaced = try bench.run("submit", "--queue", "jobs.db", "--jobs", "two.jsonl", "--replace")
        #expect(replaced.errors.contains("1 replaced"))
    }

    @Test("A broken line of a jobs file is named, and the others are submitted")
    func brokenLine() throws {
        try bench.write("{\"images\": [\"x.png\"], \"prompt\": \"\"}\n{\n", to: "jobs.jsonl")
        let outcome = try bench.run("submit", "--queue", "jobs.db", "--jobs", "jobs.jsonl")
        #expect(outcome.code == 1)
        #expect(outcome.errors.contains("jobs.jsonl line 2: not JSON"))
        #expect(try bench.run("status", "--queue", "jobs.db", "--json").output.contains("\"ready\":1"))
        let results = try bench.run("results", "--queue", "jobs.db").output
        #expect(results.contains("\"id\":\"jobs.jsonl line 2\""))
        #expect(results.contains("\"code\":\"invalid_job\""))
    }
}
