import Archives

/// The name of something inside a file: the file, `#`, and what it is called there.
struct ContainerMember {
    /// The path or address of the file.
    let container: String
    /// Where the path of the file ends inside ``container``, in UTF-8 code units: before the query of an address.
    private let pathLength: Int
    /// The ending of the file's name; nil for standard input.
    private let ending: String?
    let member: String

    /// The longest name that is looked into, in bytes. No path is as long, and no address that servers take.
    static let maximumLength = 1 << 16
    /// What stands for the shard that comes from standard input.
    private static let streams = ["-", "standard input"]

    /// Finds the first `#` that has the name of a container before it and something behind it. One pass over the name.
    ///
    /// - Parameter endings: those of containers, in lower case.
    /// - Returns: nil where there is none, or where the name is longer than ``maximumLength``.
    init?(_ name: String, endings: [String] = ShardEnding.all) {
        let bytes = name.utf8
        guard bytes.count <= Self.maximumLength else { return nil }
        var isAddress = false
        var query: String.Index?
        for index in bytes.indices {
            switch bytes[index] {
            case UInt8(ascii: "/"): isAddress = isAddress || bytes[...index].suffix(3).elementsEqual("://".utf8)
            case UInt8(ascii: "?"): query = query ?? index
            case UInt8(ascii: "#"):
                let path = bytes[..<(isAddress ? query ?? index : index)]
                let ending = ShardEnding.find(in: path, among: endings)
                let member = bytes[bytes.index(after: index)...]
                guard !member.isEmpty, ending != nil || Self.isStream(bytes[..<index]),
                    let container = String(bytes[..<index]), let text = String(member)
                else { continue }
                (self.container, self.member, self.ending) = (container, text, ending)
                pathLength = path.count
                return
            default: continue
            }
        }
        return nil
    }

    /// The path of the file without its ending and without the query of an address; `stdin` for standard input.
    var stem: String {
        guard let ending else { return "stdin" }
        return String(container.utf8.prefix(max(0, pathLength - ending.utf8.count))) ?? container
    }

    private static func isStream(_ name: Substring.UTF8View) -> Bool {
        streams.contains { $0.utf8.elementsEqual(name) }
    }
}
