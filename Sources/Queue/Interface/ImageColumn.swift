import Base
import Pictures

/// Pictures of a job as the text of one column: `[[name, path, size, modified, frames, hash, part], …]`. Null stands for a path
/// that equals the name and for what is not known, and is left out at the end. A part is `["range", offset, count]` or
/// `["cell", column, row]`. In place of the hash, the part of a file of a server has `[ETag, Last-Modified]`.
enum ImageColumn {
    static func encode(_ images: [JobImage]) -> String {
        var writer = JSONWriter()
        writer.array(images) { writer, image in
            var fields: [JSON] = [
                .string(image.name), image.path.isExactly(image.name) ? .null : .string(image.path),
                number(image.size), number(image.modified), number(image.frames.map(Int64.init)),
                image.contentHash.map(JSON.string) ?? validator(image.validator), part(image.part),
            ]
            while fields.count > 4, fields.last == .null { fields.removeLast() }
            writer.value(.array(fields))
        }
        return String(decoding: writer.bytes, as: UTF8.self)
    }

    private static func number(_ number: Int64?) -> JSON { number.map { .number(String($0)) } ?? .null }

    private static func validator(_ validator: JobImage.Validator?) -> JSON {
        guard let validator else { return .null }
        return .array([validator.entityTag, validator.lastModified].map { $0.map(JSON.string) ?? .null })
    }

    private static func part(_ part: JobImage.Part?) -> JSON {
        switch part {
        case nil: .null
        case .range(let offset, let count)?: .array([.string("range"), number(offset), number(count)])
        case .cell(let column, let row)?: .array([.string("cell"), .string(column), number(row)])
        }
    }

    /// Returns a number that is the same for all jobs about the same pictures, which are leased together.
    static func group(of images: [JobImage]) -> Int64 {
        let files = images.map { image in
            "\(image.path)\u{0}\(image.size ?? -1)\u{0}\(image.modified ?? -1)\u{0}\(image.frames ?? 0)"
                + (image.part.map { "\u{0}\($0)" } ?? "")
        }
        let hash = ContentHash.hexadecimal(of: Array(files.joined(separator: "\u{1}").utf8))
        return UInt64(hash.prefix(16), radix: 16).map(Int64.init(bitPattern:)) ?? 0
    }

    /// - Throws: `corrupt` where the text has another form.
    static func decode(_ text: String, queue: String) throws(QueueError) -> [JobImage] {
        guard let rows = (try? JSON(parsing: text))?.array else { throw unreadable(queue) }
        var images: [JobImage] = []
        for row in rows {
            guard let fields = row.array, (4...7).contains(fields.count), let name = fields[0].string else {
                throw unreadable(queue)
            }
            func field(_ index: Int) -> JSON { index < fields.count ? fields[index] : .null }
            let part = field(6)
            guard let place = part == .null ? .some(nil) : Self.part(of: part) else { throw unreadable(queue) }
            images.append(
                JobImage(
                    name: name, path: fields[1].string ?? name, size: fields[2].integer.map(Int64.init),
                    modified: fields[3].integer.map(Int64.init), contentHash: field(5).string,
                    validator: validator(of: field(5)), part: place,
                    // What nobody can have submitted is a number that the reader of videos refuses.
                    frames: field(4).integer.map { min(max($0, 0), VideoReader.maximumFrames + 1) }))
        }
        return images
    }

    private static func validator(of value: JSON) -> JobImage.Validator? {
        guard let fields = value.array, fields.count == 2, fields.contains(where: { $0.string != nil }) else {
            return nil
        }
        return JobImage.Validator(entityTag: fields[0].string, lastModified: fields[1].string)
    }

    private static func part(of value: JSON) -> JobImage.Part?? {
        guard let fields = value.array, fields.count == 3 else { return nil }
        switch fields[0].string {
        case "range"?:
            guard let offset = fields[1].integer, let count = fields[2].integer, offset >= 0, count >= 0 else {
                return nil
            }
            return .range(offset: Int64(offset), count: Int64(count))
        case "cell"?:
            guard let column = fields[1].string, let row = fields[2].integer, row >= 0 else { return nil }
            return .cell(column: column, row: Int64(row))
        default: return nil
        }
    }

    private static func unreadable(_ queue: String) -> QueueError {
        .corrupt(queue: queue, detail: "the pictures of a job cannot be read")
    }

    /// Returns whether a list of pictures is the one that a column holds. What the column does not know of a server's file is
    /// not compared.
    static func isSame(_ known: [JobImage], _ column: String, as images: [JobImage]) -> Bool {
        guard known.count == images.count else { return false }
        var compared = images
        for (index, image) in known.enumerated() where image.validator == nil { compared[index].validator = nil }
        return encode(compared).isExactly(column)
    }

    /// Returns how two lists of pictures differ, for a person.
    static func difference(from old: [JobImage], to new: [JobImage]) -> String {
        guard old.map({ ExactText($0.path) }) == new.map({ ExactText($0.path) }), old.map(\.part) == new.map(\.part)
        else {
            return "its pictures are \(old.map(\.name).joined(separator: ", "))"
        }
        if old.map(\.frames) != new.map(\.frames) { return "another number of frames was to be taken out of its video" }
        for (before, after) in zip(old, new) where (before.size, before.modified) != (after.size, after.modified) {
            if (before.size == nil) != (after.size == nil) || (before.modified == nil) != (after.modified == nil) {
                return "the picture \(after.path) was to be verified in another way"
            }
            return "the picture \(after.path) has changed since it was submitted"
        }
        for (before, after) in zip(old, new) where before.validator != after.validator {
            return after.validator == nil
                ? "the picture \(after.path) was to be verified in another way"
                : "the file of the picture \(after.name) has changed on its server since it was submitted"
        }
        if old.map(\.contentHash) != new.map(\.contentHash) {
            return "the contents of a picture differ, or were not verified"
        }
        return "its pictures were named otherwise"
    }
}
