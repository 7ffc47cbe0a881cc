import Base
import Queue

/// Decides beforehand which pictures are asked about, and refuses two pictures that would share a text.
package struct SidecarPlan {
    package enum Decision: Sendable, Equatable {
        case submit
        /// The text is there, and stays.
        case skip
    }

    private struct Owner {
        let picture: UInt64
        let job: UInt64
    }

    private let place: SidecarPath
    /// By the hash of the text's path, so that a million pictures need little memory.
    private var owners: [Digest: Owner] = [:]
    /// The number of jobs that were passed over because their text is there.
    package private(set) var skipped = 0

    /// - Parameter folder: the folder of the mirrored tree; nil for the folder of each picture.
    package init(_ rules: SidecarRules, folder: String?) {
        place = SidecarPath(rules: rules, folder: folder)
    }

    /// Decides about a job, before it is submitted. The same job may be asked about again.
    ///
    /// - Throws: ``SinkError`` with the code `collision` where another picture has the same text, or where an answer would
    ///   replace another one about the same picture; `bad_place`, `is_input` where a picture can have no text; `not_text` where
    ///   another file is in the text's place.
    package mutating func decide(_ job: Job) throws(SinkError) -> Decision {
        let picture = job.fault == nil ? job.images.first : nil
        let decision = try decide(id: job.id, picture: picture)
        // Before the work, which would be for nothing.
        if let picture, decision == .submit, place.rules.existing != .skip {
            _ = try SidecarText.contents(of: place.path(for: picture))
        }
        return decision
    }

    mutating func decide(id: String, picture: JobImage?) throws(SinkError) -> Decision {
        guard let picture else { return .submit }
        let path = try place.path(for: picture)
        let source = picture.path + (picture.part.map { "\u{0}\($0)" } ?? "")
        let owner = Owner(picture: Digest(source).low, job: Digest(id).low)
        if let other = owners.updateValue(owner, forKey: Digest(path)), other.job != owner.job {
            guard other.picture == owner.picture else { throw collision(of: picture, at: path) }
            guard place.rules.existing.keepsText else {
                throw SinkError(
                    .collision, at: path,
                    "two jobs are about \(picture.name), and one text would replace the other; "
                        + "use --sidecar append or prepend, or another --extension for each")
            }
        }
        guard place.rules.existing == .skip, FileSystem.linkStatus(of: path) != nil else { return .submit }
        skipped += 1
        return .skip
    }

    private func collision(of picture: JobImage, at path: String) -> SinkError {
        // Its name is not kept; beside it there are few that can be meant.
        let names = (try? FileSystem.names(in: picture.path.parentPath)) ?? []
        let own = picture.path.lastPathPart
        let stem = Self.stem(own)
        let others = names.sorted().filter {
            !$0.isExactly(own) && Self.stem($0).isExactly(stem) && !path.hasSuffix("/" + $0)
        }
        let other = place.folder == nil && !others.isEmpty ? others.joined(separator: " or ") : "another picture"
        return SinkError(
            .collision, at: path, "\(picture.name) and \(other) would share this text; rename one, or submit them apart"
        )
    }

    private static func stem(_ name: String) -> String {
        guard let dot = name.utf8.lastIndex(of: UInt8(ascii: ".")) else { return name }
        return String(name[..<dot])
    }
}
