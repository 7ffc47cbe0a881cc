import Base
import Queue

/// Where the text about a picture goes.
struct SidecarPath {
    let rules: SidecarRules
    /// The folder of the mirrored tree; nil for the folder of each picture.
    let folder: String?

    /// Returns the path of the text.
    ///
    /// - Throws: ``SinkError`` where a picture that is no file of its own has no folder.
    func path(for picture: JobImage) throws(SinkError) -> String {
        if let folder {
            let trimmed = folder == "/" ? "" : folder.hasSuffix("/") ? String(folder.dropLast()) : folder
            return replacingExtension(of: "\(trimmed)/\(MirroredName.path(of: picture.name))")
        }
        guard picture.part == nil, picture.path.hasPrefix("/"), ShardMember(picture.name) == nil else {
            throw SinkError(
                .badPlace, at: picture.name,
                "this picture is no file of its own, so nothing can be written beside it; give a folder with --output-dir"
            )
        }
        let path = replacingExtension(of: picture.path)
        guard !path.isExactly(picture.path) else {
            throw SinkError(.isInput, at: path, "the text would replace the picture; give another --extension")
        }
        return path
    }

    /// Replaces what stands behind the last period of the name; a name without one, or that begins with its only one, gets the
    /// extension at its end.
    private func replacingExtension(of path: String) -> String {
        let name = path.lastPathPart.utf8
        guard let dot = name.lastIndex(of: UInt8(ascii: ".")), dot != name.startIndex else {
            return path + rules.fileExtension
        }
        let count = name.distance(from: dot, to: name.endIndex)
        return (String(path.utf8.dropLast(count)) ?? path) + rules.fileExtension
    }
}
