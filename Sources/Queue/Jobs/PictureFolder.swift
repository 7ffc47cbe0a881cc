import Foundation

/// One job a picture, from files and folders.
///
/// A folder is walked to its depth in the order of names, and gives its pictures by their extension; hidden files are
/// passed over, and a folder that symbolic links lead to twice is walked once. A file that is named is taken whatever
/// its extension, also where there is none: then it fails by name, in the results.
package final class PictureJobs: JobSource {
    package static let extensions: Set<String> = ["jpg", "jpeg", "png", "webp"]
    package static let videoExtensions: Set<String> = ["mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg"]

    /// Files of folders that are no pictures by their extension.
    package private(set) var passedOver = 0

    private let defaults: JobDefaults
    private let prompt: String
    private let options: String
    /// Where the options make no sense.
    private let fault: JobFailure?
    private let idWithPrompt: Bool
    /// The next name is the last.
    private var pending: [Entry]
    private var walked: Set<FileStatus.Identity> = []

    private struct Entry {
        var name: String
        var isNamed: Bool
    }

    /// - Parameters:
    ///   - paths: files and folders, relative ones from the current folder.
    ///   - idWithPrompt: makes ids of path and prompt, for a second question about the same pictures.
    package init(paths: [String], prompt: String, defaults: JobDefaults, idWithPrompt: Bool = false) {
        self.prompt = prompt
        do throws(DecodingOptions.Fault) {
            (options, fault) = (try DecodingOptions(defaults.options).text, nil)
        } catch {
            (options, fault) = ("{}", JobFailure(code: JobFailure.invalidJob, message: error.reason))
        }
        self.defaults = defaults
        self.idWithPrompt = idWithPrompt
        pending = paths.reversed().map { Entry(name: $0, isNamed: true) }
    }

    package func next() throws(QueueError) -> Job? {
        while let entry = pending.popLast() {
            if let status = FileStatus(entry.name), status.isDirectory {
                guard walked.insert(status.identity).inserted else { continue }
                if let fault = walk(entry.name) { return fault }
            } else if entry.isNamed || Self.isPicture(entry.name) || isVideo(entry.name) {
                return job(for: entry.name)
            } else {
                passedOver += 1
            }
        }
        return nil
    }

    private func job(for name: String) -> Job {
        var job = Job(
            id: JobID.standard(pictures: [name], prompt: idWithPrompt ? prompt : nil),
            images: [
                JobImage.look(
                    at: name, in: FileManager.default.currentDirectoryPath,
                    frames: isVideo(name) ? defaults.frames : nil)
            ], prompt: prompt,
            maxTokens: defaults.maxTokens, priority: defaults.priority, options: options)
        job.fault = fault
        return job
    }

    /// Puts what a folder holds in front of what is pending. A folder that cannot be read is a job that failed.
    private func walk(_ folder: String) -> Job? {
        let names: [String]
        do {
            names = try FileManager.default.contentsOfDirectory(atPath: folder)
        } catch {
            var job = Job(id: folder, images: [], prompt: prompt)
            job.fault = JobFailure(
                code: "folder_unreadable", message: "cannot list the folder \(folder); check its permissions")
            return job
        }
        let prefix = folder.hasSuffix("/") ? folder : folder + "/"
        for name in names.sorted(by: >) where !name.hasPrefix(".") {
            pending.append(Entry(name: prefix + name, isNamed: false))
        }
        return nil
    }

    private static func isPicture(_ name: String) -> Bool { extensions.contains(pathExtension(name)) }

    /// Where frames are asked for.
    private func isVideo(_ name: String) -> Bool {
        defaults.frames != nil && Self.videoExtensions.contains(Self.pathExtension(name))
    }

    /// In lower case; "" where there is none.
    private static func pathExtension(_ name: String) -> String {
        guard let dot = name.lastIndex(of: "."), !name[dot...].contains("/") else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }
}

/// Ids of jobs that were given none.
enum JobID {
    /// The pictures' paths, with the prompt behind them where one is given.
    static func standard(pictures: [String], prompt: String?) -> String {
        let paths = pictures.joined(separator: ",")
        return prompt.map { "\(paths)#\($0)" } ?? paths
    }
}
