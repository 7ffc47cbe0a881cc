import Archives
import Base
import Fetch
import Glibc
import Queue
import Tables

/// What is named as a source of jobs: a kind and a path or pattern, `csv:questions.txt`.
package struct SourceName: Sendable, Equatable {
    package enum Kind: String, Sendable, CaseIterable {
        /// Files, folders, patterns and addresses of pictures.
        case pictures
        /// A list of these.
        case list
        case jsonl
        case csv
        case tsv
        case parquet
        /// Tar shards.
        case webdataset
        /// A folder that img2dataset wrote.
        case img2dataset
        /// Requests for OpenAI's batch interface.
        case openai
    }

    package let kind: Kind
    package let path: String

    /// Reads `KIND:PATH`.
    ///
    /// - Returns: nil where the kind is not known or the path is empty.
    package init?(_ text: String) {
        guard let colon = text.utf8.firstIndex(of: UInt8(ascii: ":")), let kind = Kind(rawValue: String(text[..<colon]))
        else {
            return nil
        }
        let path = String(text[text.utf8.index(after: colon)...])
        guard !path.isEmpty else { return nil }
        (self.kind, self.path) = (kind, path)
    }

    /// Finds the kind by the path: `-` is a list on standard input, extensions name the other kinds, and all else are pictures.
    package init(guessing path: String) {
        self.path = path
        guard path != InputFile.standardInput else {
            kind = .list
            return
        }
        let isAddress = AddressReference.isAddress(path)
        guard !ObjectListing.isFolder(path) else {
            kind = .pictures
            return
        }
        var name = (isAddress ? AddressReference.path(of: path) : path).lastPathPart
        if ["gz", "gzip", "zst", "zstd"].contains(name.pathExtension) {
            name = String(name.utf8.dropLast(name.pathExtension.utf8.count + 1)) ?? name
        }
        switch name.pathExtension {
        case _ where !isAddress && FileSystem.isFolder(path): kind = .pictures
        case "jsonl", "ndjson": kind = .jsonl
        case "csv": kind = .csv
        case "tsv": kind = .tsv
        case "parquet": kind = .parquet
        case "tar", "tgz": kind = .webdataset
        default: kind = .pictures
        }
    }

    /// How sources are read, beside what their jobs have.
    package struct Reading: Sendable {
        /// Whether names of lists end with NUL.
        package var endsWithNUL = false
        /// Whether the first row of a CSV or TSV file names its columns.
        package var hasHeader = true
        /// Whether the files of folders are taken whatever their extension.
        package var looksInside = false
        /// The extension of the pictures in shards; nil for the usual ones.
        package var field: String?
        /// What reads sources that are on servers.
        package var fetcher: SharedFetcher

        /// - Parameter report: Called with what a person should know of the servers that are fetched from.
        package init(report: @escaping @Sendable (String) -> Void = { _ in }) {
            var fetching = FetchSettings()
            fetching.report = report
            fetcher = SharedFetcher(fetching)
        }
    }

    /// Opens the source. A pattern with `*` or braces gives one source for each file.
    ///
    /// - Throws: `unreadable`.
    package func opened(_ template: JobTemplate, _ reading: Reading) throws(QueueError) -> any JobSource {
        switch kind {
        case .pictures, .list:
            // The caller has asked for one.
            guard let prompt = template.prompt else {
                throw .unreadable(path: path, reason: "nothing is asked about its pictures; give --prompt or --task")
            }
            if kind == .list {
                return try PictureJobs(
                    list: path, endsWithNUL: reading.endsWithNUL, prompt: prompt, template: template,
                    looksInside: reading.looksInside, fetcher: reading.fetcher)
            }
            return PictureJobs(
                paths: [path], prompt: prompt, template: template, looksInside: reading.looksInside,
                fetcher: reading.fetcher)
        case .img2dataset: return try Img2DatasetJobs(folder: path, field: reading.field, template: template)
        case .jsonl, .csv, .tsv, .parquet, .webdataset, .openai:
            if path == InputFile.standardInput || FileSystem.exists(path) { return try file(path, template, reading) }
            guard let texts = try expansion() else { return try files(of: path, template, reading) }
            if texts.count == 1 { return try files(of: texts[0], template, reading) }
            return JobSourceChain(count: texts.count) { (index) throws(QueueError) in
                try files(of: texts[index], template, reading)
            }
        }
    }

    /// Whether folders of pictures may be among what is named. What is not there may be meant as one.
    package var mayNameFolders: Bool {
        switch kind {
        case .list: true
        case .pictures where AddressReference.isAddress(path): ObjectListing.isFolder(path)
        case .pictures: FileSystem.isFolder(path) || !FileSystem.exists(path)
        default: false
        }
    }

    private func file(
        _ path: String, _ template: JobTemplate, _ reading: Reading
    ) throws(QueueError) -> any JobSource {
        switch kind {
        case .csv, .tsv:
            try DelimitedJobs(
                path: path, format: kind == .csv ? .csv : .tsv, hasHeader: reading.hasHeader, template: template,
                fetcher: reading.fetcher)
        case .parquet: try ParquetJobs(path: path, template: template, fetcher: reading.fetcher)
        case .webdataset:
            try ShardJobs(path: path, field: reading.field, template: template, fetcher: reading.fetcher)
        case .openai: try OpenAIJobs(path: path, template: template, fetcher: reading.fetcher)
        case .jsonl, .pictures, .list, .img2dataset:
            try JSONLinesJobs(path: path, template: template, fetcher: reading.fetcher)
        }
    }

    /// Returns what the path stands for, of which no text is made before it is read; nil where it has no braces.
    private func expansion() throws(QueueError) -> BraceExpansion? {
        guard path.utf8.contains(UInt8(ascii: "{")) else { return nil }
        do throws(ArchiveError) {
            return try BraceExpansion(path)
        } catch {
            throw .unreadable(path: path, reason: error.reason)
        }
    }

    /// Opens the files of a pattern, in its order; the text itself where it is none.
    private func files(
        of text: String, _ template: JobTemplate, _ reading: Reading
    ) throws(QueueError) -> any JobSource {
        let paths = AddressReference.isAddress(text) ? [text] : PathPattern.files(of: text) ?? [text]
        if paths.count == 1 { return try file(paths[0], template, reading) }
        return JobSourceChain(count: paths.count) { (index) throws(QueueError) in
            try file(paths[index], template, reading)
        }
    }
}
