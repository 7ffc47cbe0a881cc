import Base
import Foundation
import JobSources
import Queue
import TestSupport
import Testing

@Suite("Files of jobs") struct JSONLinesJobsTests {
    let folder: TemporaryFolder

    init() throws {
        folder = try TemporaryFolder()
    }

    private func jobs(_ text: String, _ template: JobTemplate = JobTemplate()) throws -> [Job] {
        let source = try JSONLinesJobs(path: folder.write(text, to: "jobs.jsonl"), template: template)
        var jobs: [Job] = []
        while let job = try source.next() { jobs.append(job) }
        return jobs
    }

    @Test("A line becomes a job whose paths are relative to its file") func relativePaths()
        throws
    {
        try folder.write("12345", to: "pictures/x.png")
        let job = try #require(
            try jobs(
                #"{"id": "a", "images": ["pictures/x.png", "/y.png"], "prompt": "ocr", "max_tokens": 32, "priority": 2}"#
            ).first)
        #expect(job.id == "a")
        #expect(job.images.map(\.name) == ["pictures/x.png", "/y.png"])
        #expect(job.images.map(\.path) == [folder.file("pictures/x.png"), "/y.png"])
        #expect(job.images.map(\.size) == [5, nil])
        #expect(job.images[0].modified != nil)
        #expect(job.prompt == "ocr")
        #expect(job.maxTokens == 32)
        #expect(job.priority == 2)
        #expect(job.fault == nil)
    }

    @Test("A key that is missing has its default") func defaults() throws {
        let job = try #require(
            try jobs(#"{"images": ["x.png"]}"#, JobTemplate(prompt: "caption en", maxTokens: 9, priority: 1))
                .first)
        #expect(job.id == "x.png")
        #expect(job.prompt == "caption en")
        #expect(job.maxTokens == 9)
        #expect(job.priority == 1)
    }

    @Test("One beam is accepted and is the same as none") func oneBeam() throws {
        #expect(try jobs(#"{"images": ["x.png"], "prompt": "ocr", "num_beams": 1}"#).first?.fault == nil)
    }

    @Test("An empty prompt is accepted") func emptyPrompt() throws {
        let job = try #require(try jobs(#"{"images": ["x.png"], "prompt": ""}"#).first)
        #expect(job.fault == nil)
        #expect(job.prompt == "")
    }

    @Test("A task becomes its prompt") func task() throws {
        let jobs = try jobs(
            """
            {"images": ["x.png"], "task": "detect", "about": "cat;dog"}
            {"images": ["x.png"], "task": "caption", "lang": "de"}
            """, JobTemplate(prompt: "ocr"))
        #expect(jobs.map(\.prompt) == ["detect cat ; dog", "caption de"])
        #expect(jobs.map(\.id) == ["x.png#detect cat ; dog", "x.png#caption de"])
    }

    @Test(
        "A task that is not valid makes a job that failed",
        arguments: [
            (#""task": "paint""#, "known are caption"), (#""task": "caption", "prompt": "ocr""#, "both there"),
            (#""task": "detect""#, "needs the objects"), (#""lang": "de", "prompt": "ocr""#, "belong to"),
            (#""task": 7"#, "must be a string"),
        ])
    func invalidTask(members: String, part: String) throws {
        let job = try #require(try jobs(#"{"images": ["x.png"], \#(members)}"#).first)
        #expect(job.fault?.message.contains(part) == true)
    }

    @Test("The ids of jobs about the same pictures contain their prompts")
    func idsWithPrompts() throws {
        let jobs = try jobs(
            """
            {"images": ["x.png"], "prompt": "ocr"}
            {"images": ["y.png"], "prompt": "ocr"}
            {"images": ["x.png"], "prompt": "caption en"}
            {"images": ["x.png", "y.png"], "prompt": "ocr"}
            {"id": "mine", "images": ["y.png"], "prompt": "caption en"}
            """)
        #expect(jobs.map(\.id) == ["x.png#ocr", "y.png", "x.png#caption en", "x.png,y.png", "mine"])
    }

    @Test("A line that is not valid fails by its number, and the others become jobs")
    func invalidLine() throws {
        var lines = (1...20).map { #"{"id": "\#($0)", "images": ["\#($0).png"], "prompt": "ocr"}"# }
        lines[16] = #"{"id": "17", "images": ["#
        let jobs = try jobs(lines.joined(separator: "\n"))
        #expect(jobs.count == 20)
        #expect(jobs.filter { $0.fault == nil }.map(\.id) == (1...20).filter { $0 != 17 }.map(String.init))
        let fault = try #require(jobs[16].fault)
        #expect(fault.message.contains("jobs.jsonl line 17: not JSON at column 25"))
        #expect(jobs[16].id.hasSuffix("jobs.jsonl line 17"))
    }

    @Test(
        "The message about a line names what is wrong",
        arguments: [
            (#"{"imags": []}"#, "\"prompt\" is missing"), (#"{"imags": [], "prompt": "x"}"#, "\"images\" is missing"),
            ("[]", "an object is expected"),
            (#"{"prompt": "x"}"#, "\"images\" is missing"),
            (#"{"images": [], "prompt": "x"}"#, "one path or more"),
            (#"{"images": "", "prompt": "x"}"#, "one path or more"),
            (#"{"images": ["x.png"], "image": "y.png", "prompt": "x"}"#, "both there"),
            (#"{"images": [1], "prompt": "x"}"#, "one path or more"),
            (#"{"images": ["x.png"]}"#, "\"prompt\" is missing"),
            (#"{"images": ["x.png"], "prompt": 1}"#, "\"prompt\" must be a string and is a number"),
            (#"{"images": ["x.png"], "prompt": "x", "id": ""}"#, "\"id\" is empty"),
            (#"{"images": ["x.png"], "prompt": "x", "max_tokens": 0}"#, "give 1 to 1000000"),
            (#"{"images": ["x.png"], "prompt": "x", "max_tokens": 1.5}"#, "must be a whole number"),
            (#"{"images": ["x.png"], "prompt": "x", "prompt": "y"}"#, "stands twice"),
            (#"{"images": ["x.png"], "prompt": "x", "num_beams": 100}"#, "\"num_beams\" is 100; give 1 to 16"),
        ])
    func reasons(line: String, reason: String) throws {
        let fault = try #require(try jobs(line).first?.fault)
        #expect(fault.code == JobFailure.invalidJob)
        #expect(fault.message.contains("line 1: "))
        #expect(fault.message.contains(reason))
    }

    @Test("Empty lines, carriage returns and a byte order mark are ignored")
    func ignoredCharacters() throws {
        let lines = ["x", "y"].map { #"{"images":["\#($0)"],"prompt":""}"# }
        let jobs = try jobs("\u{FEFF}\(lines[0])\r\n\r\n  \n\(lines[1])\r\n")
        #expect(jobs.map(\.id) == ["x", "y"])
        #expect(jobs[1].source?.hasSuffix("line 4") == true)
        #expect(try self.jobs("").isEmpty)
    }

    @Test("Lines longer than the buffer are read whole") func longLines() throws {
        let prompt = String(repeating: "long ", count: 200_000)
        let lines = (0..<3).map { #"{"id": "\#($0)", "images": ["x"], "prompt": "\#(prompt)"}"# }
        let jobs = try jobs(lines.joined(separator: "\n") + "\n")
        #expect(jobs.map(\.prompt) == [prompt, prompt, prompt])
    }

    @Test("A line that is too long is a job that failed") func overlongLine() throws {
        let endless = String(repeating: "x", count: 17 << 20)
        let jobs = try jobs("\(endless)\n{\"images\":[\"x\"],\"prompt\":\"\"}\n")
        #expect(jobs.map { $0.fault == nil } == [false, true])
        #expect(jobs[1].source?.hasSuffix("line 2") == true)
    }

    @Test("A file that cannot be read is an error") func unreadableFile() {
        for path in [folder.file("missing.jsonl"), folder.path] {
            #expect {
                _ = try JSONLinesJobs(path: path, template: JobTemplate())
            } throws: { ($0 as? QueueError)?.code == "job_unreadable" }
        }
    }

    @Test("A job's own option replaces the default option of all jobs") func ownOptions() throws {
        let path = try folder.write(
            """
            {"images": ["x.png"], "prompt": "a"}
            {"images": ["y.png"], "prompt": "a", "temperature": 0.2}
            {"images": ["z.png"], "prompt": "a", "choices": ["yes", "no"]}
            {"images": ["z.png"], "prompt": "b", "choices": ["yes", "no"], "temperature": null, "seed": null}

            """, to: "jobs.jsonl")
        let shared = try #require(JSON(parsing: #"{"temperature": 0.7, "seed": 3}"#).object)
        var template = JobTemplate()
        template.options = shared
        let source = try JSONLinesJobs(path: path, template: template)
        var jobs: [Job] = []
        while let job = try source.next() { jobs.append(job) }
        #expect(jobs[0].options == #"{"temperature":0.7,"seed":3}"#)
        #expect(jobs[1].options == #"{"temperature":0.2,"seed":3}"#)
        #expect(jobs[2].fault?.message.contains("contradict") == true)
        #expect(jobs[3].options == #"{"choices":["yes","no"]}"#)
    }
}
