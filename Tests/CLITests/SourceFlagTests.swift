import Foundation
import Testing

/// Flags that would be ignored.
@Suite("Flags of sources", .timeLimit(.minutes(15)))
struct SourceFlagTests {
    let bench: CommandBench

    init() throws {
        bench = try CommandBench()
        try bench.writePictures(2)
        try bench.write("image,own\npictures/000.jpg,1\n", to: "t.csv")
        try bench.write(#"{"image": "/p/000.jpg", "own": 1}"#, to: "t.jsonl")
    }

    private func submit(_ words: [String], _ environment: [String: String] = [:]) throws -> CommandBench.Outcome {
        let command = ["submit", "--queue", "jobs.db", "--prompt", "ocr"] + words
        return try RunningCommand(bench, command, environment: environment).wait()
    }

    @Test(
        "A flag for other sources than those that are given is refused",
        arguments: [
            ["-0", "pictures"], ["--no-header", "t.jsonl"], ["--columns", "image=a", "pictures"],
            ["--carry", "a", "pictures"], ["--image-folder", "p", "pictures"], ["--all-files", "pictures/000.jpg"],
            ["--field", "png", "t.csv"],
        ])
    func refused(words: [String]) throws {
        let outcome = try submit(words)
        #expect(outcome.code == 2, "\(outcome.errors)")
        let flag = words[0] == "-0" ? "--null" : words[0]
        #expect(outcome.errors.contains("'\(flag)' means nothing for these sources"), "\(outcome.errors)")
        #expect(!bench.exists("jobs.db"))
    }

    @Test(
        "One source that a flag is for is enough",
        arguments: [
            ["--no-header", "--columns", "image=1", "pictures", "t.csv"], ["--carry", "own", "pictures", "t.csv"],
            ["--image-folder", ".", "pictures", "t.csv"], ["--all-files", "pictures"],
        ])
    func fitting(words: [String]) throws {
        // The table asks about a picture that the folder has.
        let outcome = try submit(words + ["--replace"])
        #expect(outcome.code == 0, "\(outcome.errors)")
    }

    @Test("What a variable says stands for other commands too and is not refused")
    func variables() throws {
        let variables = [
            "NULL": "1", "NO_HEADER": "1", "COLUMNS": "image=a", "CARRY": "a", "IMAGE_FOLDER": "p", "FIELD": "png",
        ]
        let outcome = try submit(
            ["pictures/000.jpg"],
            Dictionary(uniqueKeysWithValues: variables.map { ("PALIGEMMA_" + $0, $1) }))
        #expect(outcome.code == 0, "\(outcome.errors)")
    }

    @Test(
        "Columns that cannot be named are refused with what to do",
        arguments: [
            ("url=image", "the key stands first: image=url"), ("foo=bar", "a column of your own needs none"),
            ("image=a,image=b", "two columns with image"), ("image=a,id=a", "the column a twice"),
        ])
    func columns(text: String, reason: String) throws {
        let outcome = try submit(["--columns", text, "t.csv"])
        #expect(outcome.code == 2 && outcome.errors.contains(reason), "\(outcome.errors)")
        #expect(outcome.errors.utf8.count < 500)
    }

    @Test("What no row has is said at the end")
    func absent() throws {
        let carried = try submit(["--carry", "own,nope", "t.csv", "t.jsonl"])
        #expect(carried.code == 0)
        #expect(carried.errors.contains(#"--carry: no row has a column of its own called "nope""#), "\(carried.errors)")
        let named = try submit(["--columns", "id=nope", "t.jsonl"])
        #expect(named.code == 0 && named.errors.contains(#"--columns: no row has a column called "nope""#))
        let folder = try submit(["--image-folder", "p", "t.jsonl"])
        #expect(folder.errors.contains("--image-folder: no row names a picture by a relative name"))
        let fitting = try submit(["--carry", "own", "--image-folder", "p", "--replace", "t.csv", "t.jsonl"])
        #expect(fitting.code == 0 && !fitting.errors.contains("no row"), "\(fitting.errors)")
    }

    @Test("Of files of which each has one of the columns to carry, none is missed")
    func severalFiles() throws {
        try bench.write("image,other\npictures/001.jpg,2\n", to: "u.csv")
        let outcome = try submit(["--carry", "own,other", "t.csv", "u.csv"])
        #expect(outcome.code == 0 && !outcome.errors.contains("no row"), "\(outcome.errors)")
    }

    @Test("The advice to look into every file is not given to whom does")
    func allFiles() throws {
        try bench.write("x", to: "pictures/notes.txt")
        #expect(try submit(["pictures"]).errors.contains("--all-files looks into every file"))
        let all = try submit(["--all-files", "pictures"]).errors
        #expect(all.contains("1 file passed over (.txt 1)") && !all.contains("--all-files"), "\(all)")
    }
}
