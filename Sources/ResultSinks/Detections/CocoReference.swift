import Base

/// The numbers that a file of COCO gives to pictures and categories, by their names.
struct CocoReference {
    /// Size of the largest file that is read, in bytes. That of COCO's training pictures has 450 MB.
    private static let maximumSize: Int64 = 2 << 30

    /// A category of the file, in its order.
    struct Category {
        let id: JSON
        let name: String
    }

    private(set) var categories: [Category] = []
    private var categoryIDs: [ExactText: JSON] = [:]
    private var imageIDs: [ExactText: JSON] = [:]
    /// By the last part of the name; nil where several pictures have it.
    private var imageIDsByLastPart: [ExactText: JSON?] = [:]

    /// - Throws: ``SinkError`` with the code `bad_reference` where the file cannot be read or has no pictures.
    init(path: String) throws(SinkError) {
        let bytes: [UInt8]
        do throws(FileError) {
            bytes = try FileBytes(path: path, maximumSize: Self.maximumSize).bytes
        } catch {
            throw SinkError(.badReference, at: path, error.reason)
        }
        do throws(JSONArrays.Fault) {
            try JSONArrays.read(bytes, ["images", "categories"]) { key, value in
                if key == "images" { add(image: value) } else { add(category: value) }
            }
        } catch {
            throw SinkError(.badReference, at: path, "this is no JSON: \(error.reason) at byte \(error.offset)")
        }
        guard !imageIDs.isEmpty else {
            throw SinkError(
                .badReference, at: path,
                "it has no \"images\" with \"id\" and \"file_name\"; give an annotation file of COCO")
        }
    }

    private mutating func add(image: JSON) {
        guard let id = CocoNumbers.id(image["id"]), let name = image["file_name"]?.string else { return }
        imageIDs[ExactText(name)] = id
        let last = ExactText(name.lastPathPart)
        imageIDsByLastPart.updateValue(imageIDsByLastPart[last] == nil ? id : nil, forKey: last)
    }

    private mutating func add(category: JSON) {
        guard let id = CocoNumbers.id(category["id"]), let name = category["name"]?.string else { return }
        categories.append(Category(id: id, name: name))
        categoryIDs[ExactText(name)] = id
    }

    /// Returns the number of a picture: by its whole name, that of its member of a shard, or the last part of these where only one
    /// picture of the file has it.
    func image(_ name: String) -> JSON? {
        let names = [name] + [ShardMember(name)?.member].compactMap(\.self)
        for name in names { if let id = imageIDs[ExactText(name)] { return id } }
        for name in names.reversed() {
            if let id = imageIDsByLastPart[ExactText(name.lastPathPart)] ?? nil { return id }
        }
        return nil
    }

    func category(_ name: String) -> JSON? { categoryIDs[ExactText(name)] }
}
