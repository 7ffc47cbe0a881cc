import Base
import Pictures
import Queue

/// What a row says with our keys.
struct RowFields {
    private let members: [JSON.Member]

    init(_ members: [JSON.Member]) { self.members = members }

    /// The value of a key; nil where there is none, and for null.
    subscript(key: String) -> JSON? {
        let value = members.first { $0.key.isExactly(key) }?.value
        return value == .null ? nil : value
    }

    func text(_ key: String) throws(RowError) -> String? {
        guard let value = self[key] else { return nil }
        guard let text = value.string else { throw RowError("\"\(key)\" must be a string and is \(value.kindName)") }
        return text
    }

    func integer(_ key: String) throws(RowError) -> Int? {
        guard let value = self[key] else { return nil }
        guard let number = value.integer else { throw RowError("\"\(key)\" must be a whole number") }
        return number
    }

    /// Nil where the row names no task.
    func taskPrompt() throws(RowError) -> String? {
        let (language, about) = (try text("lang"), try text("about"))
        guard let name = try text("task") else {
            guard language == nil, about == nil else {
                throw RowError("\"lang\" and \"about\" belong to a \"task\"; add it, or leave them out")
            }
            return nil
        }
        guard self["prompt"] == nil else {
            throw RowError("\"task\" and \"prompt\" are both there; a task is a prompt, leave one out")
        }
        guard let task = TaskPrompt(rawValue: name) else {
            let known = TaskPrompt.allCases.map(\.rawValue).joined(separator: ", ")
            throw RowError("the task \"\(name)\" is not known; known are \(known)")
        }
        do throws(TaskPromptError) {
            return try task.prompt(language: language, about: about)
        } catch {
            throw RowError(error.description)
        }
    }

    /// Nil where the row names no video.
    ///
    /// - Parameter standardFrames: The number of frames of a video that gives none.
    func video(standardFrames: Int?) throws(RowError) -> (name: String, frames: Int)? {
        let frames = try integer("frames")
        guard let name = try text("video") else {
            guard frames == nil else {
                throw RowError("\"frames\" belongs to a \"video\"; add it, or leave \"frames\" out")
            }
            return nil
        }
        guard !name.isEmpty else { throw RowError("\"video\" is empty; give the path of a video") }
        guard imageKeys.isEmpty else {
            throw RowError(
                "\"video\" and \"\(imageKeys[0])\" are both there; a video's frames are the images, leave one out")
        }
        let count = frames ?? standardFrames ?? VideoReader.standardFrames
        guard (1...VideoReader.maximumFrames).contains(count) else {
            throw RowError("\"frames\" is \(count); give 1 to \(VideoReader.maximumFrames)")
        }
        return (name, count)
    }

    private var imageKeys: [String] { ["images", "image", "file_name"].filter { self[$0] != nil } }

    /// The names of the pictures: of `images`, `image` or `file_name`, one or a list.
    func images() throws(RowError) -> [String] {
        let keys = imageKeys
        guard let key = keys.first, let value = self[key] else {
            throw RowError("\"images\" is missing; add the paths of the pictures, or a \"video\"")
        }
        guard keys.count == 1 else { throw RowError("\"\(key)\" and \"\(keys[1])\" are both there; leave one out") }
        if let name = value.string, !name.isEmpty { return [name] }
        let names = value.array?.map(\.string)
        guard let names, !names.isEmpty, !names.contains(where: { $0 == nil || $0 == "" }) else {
            throw RowError("\"\(key)\" must be a path, or a list of one path or more, like [\"x.png\"]")
        }
        return names.compactMap(\.self)
    }
}
