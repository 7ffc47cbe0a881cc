import Base
import DecodingSettings
import Foundation

/// One job a picture, from files and folders.
///
/// A folder is walked to its depth in the order of names, and gives its pictures by their extension; hidden files are
/// skipped, and a folder that symbolic links lead to twice is walked once. A file that is named is taken whatever
/// its extension, also where there is none: then it fails by name, in the results.
package final class PictureJobs: JobSource {
    private static let extensions: Set<String> = ["jpg", "jpeg", "png", "webp"]
    private static let videoExtensions: Set<String> = ["mp4", "m4v", "mov", "mkv", "webm", "avi", "mpg", "mpeg"]

    /// The number of files in folders that were skipped because of their extension.
    package private(set) var passedOver = 0

    private let defaults: JobDefaults
    private let prompt: String
    private let options: String
    /// The failure of every job, where the options are not valid.
    private let fault: JobFailure?
    private let idWithPrompt: Bool
    /// Names to be visited; the last is the next.
    private var pending: [Entry]
    private var walked: Set<FileIdentity> = []

    private struct Entry {
        var name: String
        var isNamed: Bool
    }

    /// - Parameters:
    ///   - paths: Files and folders; relative ones begin at the current folder.
    ///   - idWithPrompt: Whether ids are made of path and prompt, for a second question about the same pictures.
    package init(paths: [String], prompt: String, defaults: JobDefaults, idWithPrompt: Bool = false) {
        self.prompt = prompt
        do throws(DecodingOptionError) {
            (options, fault) = (try DecodingOptions(defaults.options).text, nil)
        } catch {
            (options, fault) = ("{}", JobFailure(code: JobFailure.invalidJob, message: error.reason))
        }
        self.defaults = defaults
        self.idWithPrompt = idWithPrompt
        pending = paths.reversed().map { Entry(name: $0, isNamed: true) }
    }

    /// Returns the job of the next picture, nil at the end.
    ///
    /// - Throws: Nothing; a folder that cannot be read is a job that failed.
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
            id: DefaultJobID.standard(pictures: [name], prompt: idWithPrompt ? prompt : nil),
            images: [
                JobImage.look(
                    at: name, in: FileSystem.currentFolder,
                    frames: isVideo(name) ? defaults.frames : nil)
            ], prompt: prompt,
            maxTokens: defaults.maxTokens, priority: defaults.priority, options: options)
        job.fault = fault
        return job
    }

    /// Puts the contents of a folder in front of what is pending. A folder that cannot be read is a job that failed.
    private func walk(_ folder: String) -> Job? {
        let names: [String]
        do {
            names = try FileSystem.names(in: folder)
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

    /// Returns whether a file is a video whose frames are wanted.
    private func isVideo(_ name: String) -> Bool {
        defaults.frames != nil && Self.videoExtensions.contains(Self.pathExtension(name))
    }

    /// Returns the extension in lower case; "" where there is none.
    private static func pathExtension(_ name: String) -> String {
        guard let dot = name.lastIndex(of: "."), !name[dot...].contains("/") else { return "" }
        return name[name.index(after: dot)...].lowercased()
    }
}
