import Base

/// Pictures of a job as the text of one column: `[[name, path, size, modified], …]`, with null for a path that equals
/// the name and for what is not known; a video has its number of frames after these.
enum ImageColumn {
    static func encode(_ images: [JobImage]) -> String {
        var writer = JSONWriter()
        writer.array(images) { writer, image in
            writer.raw("[")
            writer.string(image.name)
            writer.raw(",")
            if image.path == image.name { writer.raw("null") } else { writer.string(image.path) }
            writer.raw(",")
            if let size = image.size { writer.integer(size) } else { writer.raw("null") }
            writer.raw(",")
            if let modified = image.modified { writer.integer(modified) } else { writer.raw("null") }
            if let frames = image.frames {
                writer.raw(",")
                writer.integer(frames)
            }
            writer.raw("]")
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    /// Returns a number that is the same for all jobs about the same pictures, which are leased together.
    static func group(of images: [JobImage]) -> Int64 {
        let files = images.map { "\($0.path)\u{0}\($0.size ?? -1)\u{0}\($0.modified ?? -1)\u{0}\($0.frames ?? 0)" }
        let hash = ContentHash.hexadecimal(of: Array(files.joined(separator: "\u{1}").utf8))
        return UInt64(hash.prefix(16), radix: 16).map(Int64.init(bitPattern:)) ?? 0
    }

    static func decode(_ text: String, queue: String) throws(QueueError) -> [JobImage] {
        guard let rows = (try? JSON(parsing: text))?.array else {
            throw .corrupt(queue: queue, detail: "the pictures of a job cannot be read")
        }
        var images: [JobImage] = []
        for row in rows {
            guard let fields = row.array, (4...5).contains(fields.count), let name = fields[0].string else {
                throw .corrupt(queue: queue, detail: "the pictures of a job cannot be read")
            }
            images.append(
                JobImage(
                    name: name, path: fields[1].string ?? name, size: fields[2].integer.map(Int64.init),
                    modified: fields[3].integer.map(Int64.init), frames: fields.count == 5 ? fields[4].integer : nil))
        }
        return images
    }

    /// Returns how two lists of pictures differ, for a person.
    static func difference(from old: [JobImage], to new: [JobImage]) -> String {
        guard old.map(\.path) == new.map(\.path) else {
            return "its pictures are \(old.map(\.path).joined(separator: ", "))"
        }
        if old.map(\.frames) != new.map(\.frames) { return "another number of frames was to be taken out of its video" }
        for (before, after) in zip(old, new) where before != after {
            return "the picture \(after.path) has changed since it was submitted"
        }
        return "its pictures were named otherwise"
    }
}
