import Archives
import Base
import Fetch
import JobSources
import Queue
import Tables
import TestSupport
import Testing

/// A folder in which sources are written and read.
struct SourceBench {
    let folder: TemporaryFolder
    /// Fetches from servers on the loopback interface: no proxy, no keys of this machine, no waiting between tries.
    var settings: FetchSettings = {
        var settings = FetchSettings()
        settings.proxy = ""
        settings.environment = ["HOME": "/nonexistent", "AWS_EC2_METADATA_DISABLED": "true"]
        settings.retrySeconds = 0.01
        return settings
    }()

    init() throws { folder = try TemporaryFolder() }

    /// What a source gave.
    struct Outcome {
        var jobs: [Job] = []
        var notes: [String] = []

        /// The messages of the jobs that failed; "" for the others.
        var faults: [String] { jobs.map { $0.fault?.message ?? "" } }
    }

    func template(_ prompt: String? = "caption en", _ change: (inout JobTemplate) throws -> Void = { _ in }) throws
        -> JobTemplate
    {
        var template = try JobTemplate(prompt: prompt)
        try change(&template)
        return template
    }

    /// Reads a source to its end.
    ///
    /// - Parameter name: `KIND:PATH`, or a path or address.
    func read(
        _ name: String, _ template: JobTemplate? = nil, _ change: (inout SourceName.Reading) -> Void = { _ in }
    ) throws -> Outcome {
        var reading = SourceName.Reading()
        reading.fetcher = SharedFetcher(settings)
        change(&reading)
        let template = try template ?? self.template()
        let opened = try (SourceName(name) ?? SourceName(guessing: name)).opened(template, reading)
        let source = TalliedSource(opened, template.tally)
        var outcome = Outcome()
        while let job = try source.next() { outcome.jobs.append(job) }
        outcome.notes = source.notes
        return outcome
    }

    /// Reads a source that cannot be read, and returns what is said of it.
    func refusal(_ name: String, _ template: JobTemplate? = nil) throws -> String {
        do {
            let outcome = try read(name, template)
            return "no error but \(outcome.jobs.count) jobs"
        } catch let error as QueueError {
            #expect(error.code == "job_unreadable")
            return error.description
        }
    }

    /// Returns a tar archive of members.
    func tar(_ members: [(name: String, text: String)]) throws -> [UInt8] {
        let path = folder.file("made.tar")
        let file = try NewFile(for: path)
        let writer = TarWriter(descriptor: file.descriptor, name: path)
        for (name, text) in members { try writer.append(name, Array(text.utf8)) }
        try writer.finish()
        try file.commit()
        return try FileBytes(path: path).bytes
    }

    /// Returns a parquet file of rows.
    func parquet(_ columns: [ParquetWriter.Column], _ rows: [[ParquetValue]]) throws -> [UInt8] {
        let path = folder.file("made.parquet")
        let file = try NewFile(for: path)
        let writer = try ParquetWriter(descriptor: file.descriptor, name: path, columns: columns)
        for row in rows { try writer.append(row) }
        try writer.finish()
        try file.commit()
        return try FileBytes(path: path).bytes
    }

    /// Writes bytes and the folders that lead to them.
    @discardableResult
    func write(_ bytes: [UInt8], to name: String) throws -> String {
        try folder.write("", to: name)
        try NewFile.write(bytes, to: folder.file(name))
        return folder.file(name)
    }
}
