import Base
import DecodingSettings
import Fetch
import Glibc
import Pictures
import Queue

/// One job a picture, from files, folders, patterns and addresses. `s3://BUCKET/PREFIX/` is a folder: all objects below it.
///
/// A folder is walked to its depth in the order of its names' bytes, and gives its pictures by their extension; hidden files are
/// skipped, and a folder that symbolic links lead to twice is walked once. A file that is named is taken whatever
/// its extension, also where there is none: then it fails by name, in the results.
package final class PictureJobs: JobSource {
    private let template: JobTemplate
    private let prompt: TextTemplate
    private let options: String
    /// The failure of every job, where the options are not valid.
    private let fault: JobFailure?
    private let locator: PictureLocator
    /// Whether the files of folders are taken whatever their extension, if their bytes are a picture's.
    private let looksInside: Bool
    /// Names to be visited; the last is the next.
    private var pending: [Entry] = []
    private let nextName: () throws(QueueError) -> String?
    private var walked: Set<FileIdentity> = []
    private var passedOver = PassedOver()
    private let fetcher: SharedFetcher
    /// The folder of an object store that is being listed.
    private var listing: ObjectListing?
    private var emptyListings: [String] = []

    private struct Entry {
        var name: String
        var isNamed: Bool
    }

    /// - Parameters:
    ///   - paths: Files, folders, patterns such as `a/*.jpg`, and addresses; relative ones begin at the current folder.
    ///   - looksInside: Whether the files of folders are taken whatever their extension, if their bytes are a picture's.
    package convenience init(
        paths: [String], prompt: TextTemplate, template: JobTemplate, looksInside: Bool = false,
        fetcher: SharedFetcher = SharedFetcher()
    ) {
        var rest = paths[...]
        self.init(prompt: prompt, template: template, looksInside: looksInside, fetcher) { rest.popFirst() }
    }

    /// - Parameters:
    ///   - list: The path or address of a list of names, `-` for standard input.
    ///   - endsWithNUL: Whether names end with NUL, as `find -print0` writes them; else with a line feed.
    /// - Throws: `unreadable`.
    package convenience init(
        list: String, endsWithNUL: Bool, prompt: TextTemplate, template: JobTemplate, looksInside: Bool = false,
        fetcher: SharedFetcher = SharedFetcher()
    ) throws(QueueError) {
        let file = InputFile(list, fetcher)
        let reader = try NameReader(file, endsWithNUL: endsWithNUL)
        self.init(prompt: prompt, template: template, looksInside: looksInside, fetcher) { () throws(QueueError) in
            guard let name = try reader.next() else { return nil }
            // Names in a list of this machine begin at the current folder.
            return file.isRemote ? AddressReference.resolved(name, in: file.folder) : name
        }
    }

    private init(
        prompt: TextTemplate, template: JobTemplate, looksInside: Bool, _ fetcher: SharedFetcher,
        nextName: @escaping () throws(QueueError) -> String?
    ) {
        self.prompt = prompt
        self.template = template
        self.looksInside = looksInside
        self.fetcher = fetcher
        self.nextName = nextName
        do throws(DecodingOptionError) {
            (options, fault) = (try DecodingOptions(template.options).text, nil)
        } catch {
            (options, fault) = ("{}", JobFailure(code: JobFailure.invalidJob, message: error.reason))
        }
        locator = PictureLocator(folder: "", frames: template.frames, verification: template.verification)
    }

    /// Returns the job of the next picture, nil at the end. A folder that cannot be read is a job that failed.
    ///
    /// - Throws: `unreadable` where the list of names or a folder of an object store cannot be read.
    package func next() throws(QueueError) -> Job? {
        while true {
            if let job = try nextObject() { return job }
            guard let entry = try nextEntry() else { return nil }
            if ObjectListing.isFolder(entry.name) {
                listing = try ObjectListing(entry.name, fetcher)
                continue
            }
            if PictureLocator.isAddress(entry.name) { return job(for: entry.name) }
            if let status = FileStatus(entry.name), status.isDirectory {
                guard walked.insert(status.identity).inserted else { continue }
                if let fault = walk(entry.name) { return fault }
            } else if entry.isNamed {
                if let names = PathPattern.files(of: entry.name) {
                    pending += names.reversed().map { Entry(name: $0, isNamed: true) }
                } else {
                    return job(for: entry.name)
                }
            } else if isWanted(entry.name, { FileSystem.firstBytes($0, of: entry.name) }) {
                return job(for: entry.name)
            } else {
                passedOver.count(entry.name)
            }
        }
    }

    /// Returns the job of the next object of the folder that is being listed, nil at its end.
    private func nextObject() throws(QueueError) -> Job? {
        guard let listing else { return nil }
        while let object = try listing.next() {
            if listing.isHidden(object) {
                passedOver.hidden += 1
            } else if isWanted(object.key, { listing.firstBytes($0, of: object) }) {
                return job(for: object.address)
            } else {
                passedOver.count(object.key)
            }
        }
        if listing.isEmpty { emptyListings.append("\(listing.name): there are no objects below it") }
        self.listing = nil
        return nil
    }

    private func nextEntry() throws(QueueError) -> Entry? {
        if let entry = pending.popLast() { return entry }
        return try nextName().map { Entry(name: $0, isNamed: true) }
    }

    package var notes: [String] { emptyListings + (passedOver.sentence(looksInside: looksInside).map { [$0] } ?? []) }

    private func job(for name: String) -> Job {
        var job = Job(id: name, images: [], prompt: "", source: name)
        do {
            let image = try locator.image(named: name, frames: isVideo(name) ? template.frames : nil)
            func column(_ column: String) -> JSON? { Self.columns(of: name)[column].map(JSON.string) }
            let prompt = try prompt.text(column)
            job = Job(
                id: try template.id?.text(column)
                    ?? DefaultJobID.standard(pictures: [image.name], prompt: template.idWithPrompt ? prompt : nil),
                images: [image], prompt: prompt, maxTokens: template.maxTokens, priority: template.priority,
                options: options)
            job.fault = fault
        } catch let error as TemplateError {
            job.fault = JobFailure(
                code: JobFailure.invalidJob,
                message:
                    "\(name): the prompt or the id cannot be filled: \(error); a picture has path, folder, name and stem"
            )
        } catch {
            // What `find -print0` writes, read as lines.
            let advice = name.utf8.contains(0) ? "; where the names of a list end with NUL, give -0" : ""
            job.fault = JobFailure(code: JobFailure.invalidJob, message: "\(name): \(error)\(advice)")
        }
        return job.storable()
    }

    /// What a template may name: of `a/b.jpg` the path, the folder `a`, the name `b.jpg` and the stem `b`.
    private static func columns(of path: String) -> [String: String] {
        let name = path.lastPathPart
        let suffix = path.pathExtension.utf8.count
        let stem = suffix == 0 ? name : String(name.utf8.dropLast(suffix + 1)) ?? name
        return ["path": path, "folder": path.parentPath, "name": name, "stem": stem]
    }

    /// Puts the contents of a folder in front of what is pending.
    private func walk(_ folder: String) -> Job? {
        let names: [String]
        do throws(SystemError) {
            names = try FileSystem.names(in: folder)
        } catch {
            var job = Job(id: folder, images: [], prompt: "")
            job.fault = JobFailure(
                code: "folder_unreadable", message: "cannot list the folder \(folder): \(error); check its permissions")
            return job
        }
        let prefix = folder.utf8.last == UInt8(ascii: "/") ? folder : folder + "/"
        let isEnterable = FileSystem.isPermitted(folder, X_OK)
        if !isEnterable { passedOver.unreadableFolders += 1 }
        for name in names.sorted(by: { $1.utf8.lexicographicallyPrecedes($0.utf8) }) {
            if name.utf8.first == UInt8(ascii: ".") {
                passedOver.hidden += 1
            } else if isEnterable {
                pending.append(Entry(name: prefix + name, isNamed: false))
            }
        }
        return nil
    }

    /// Returns whether a file of a folder is taken.
    private func isWanted(_ path: String, _ firstBytes: (Int) -> [UInt8]?) -> Bool {
        if ImageFormat(extension: path.pathExtension) != nil || isVideo(path) { return true }
        guard looksInside, let bytes = firstBytes(MediaFormat.prefixBytes) else { return false }
        switch MediaFormat(of: bytes) {
        case .image: return true
        case .video: return template.frames != nil
        default: return false
        }
    }

    /// Returns whether a file is a video whose frames are wanted.
    private func isVideo(_ name: String) -> Bool {
        template.frames != nil && VideoFormat(extension: name.pathExtension) != nil
    }
}
