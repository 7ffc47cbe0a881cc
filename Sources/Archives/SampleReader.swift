import Base

/// A sample of a webdataset shard: members that follow each other and share a key.
package struct Sample: Sendable, Equatable {
    /// One member of a sample.
    package struct Field: Sendable, Equatable {
        /// The extension, in lower case.
        package let name: String
        package let memberName: String
        /// Size in bytes.
        package let size: Int
        /// Place of the content in the file, in bytes from its start. Nil where the shard is compressed or a
        /// stream.
        package let offset: Int?
        /// The content, where it was read.
        package let bytes: [UInt8]?
    }

    package let key: String
    package let fields: [Field]

    /// The field with an extension; nil where the sample has none.
    package subscript(name: String) -> Field? { fields.first { $0.name.utf8.elementsEqual(name.utf8) } }
}

/// Reads the samples of a webdataset shard, one after the other.
package final class SampleReader {
    /// What becomes of a field.
    package enum Use: Sendable {
        /// The sample does not have it.
        case drop
        /// The sample has its place; and its content where the shard has no places.
        case locate
        /// The sample has its content.
        case read
        /// The sample has it, with its content where that has at most so many bytes.
        case readUpTo(Int)
    }

    /// How much of a sample may be in memory.
    package struct Limits: Sendable {
        /// Size of what is read of a sample, in bytes.
        package var size = 1 << 30
        /// The number of members of a sample.
        package var fields = 1024

        package init() {}
    }

    private let tar: TarReader
    private let name: String
    private let limits: Limits
    private let use: (String) -> Use
    /// The member that begins the next sample.
    private var pending: (member: TarMember, name: SampleName)?
    /// Members that belong to no sample and were passed over: their number, and the name of the first.
    package private(set) var skipped: (count: Int, first: String?) = (0, nil)

    /// - Parameters:
    ///   - name: names the shard in errors.
    ///   - origin: as ``TarReader/init(_:name:origin:)`` has it.
    ///   - use: says for the extension of a member, in lower case, what becomes of it.
    /// - Throws: ``ArchiveError``; the error of the source.
    package init(
        _ source: any ByteSource, name: String, limits: Limits = Limits(), origin: Int? = nil,
        use: @escaping (String) -> Use
    ) throws {
        tar = try TarReader(source, name: name, origin: origin)
        self.name = name
        self.limits = limits
        self.use = use
    }

    /// Whether other bytes than zeros follow the end of the shard; they are not read.
    package var dataFollowsEnd: Bool { tar.dataFollowsEnd }

    /// Returns the next sample; nil at the end.
    ///
    /// - Throws: ``ArchiveError``. Behind one with the code `duplicate` or `too_large` the next call returns the sample
    ///   that follows the bad one; behind others there are no samples. The error of the source.
    package func next() throws -> Sample? {
        guard let first = try nextMember() else { return nil }
        let key = first.name.key
        var builder = SampleBuilder(key: key, place: "\(name), sample \(key)")
        var next: (member: TarMember, name: SampleName)? = first
        while let (member, memberName) = next {
            guard memberName.key.utf8.elementsEqual(key.utf8) else {
                pending = next
                break
            }
            try take(member, memberName.field, &builder)
            next = try nextMember()
        }
        if let fault = builder.fault { throw fault }
        return Sample(key: key, fields: builder.fields)
    }

    /// Returns the next member that belongs to a sample.
    private func nextMember() throws -> (member: TarMember, name: SampleName)? {
        if let member = pending {
            pending = nil
            return member
        }
        while let member = try tar.next() {
            guard member.kind == .file, !SampleName.isMetadata(member.name) else { continue }
            if let name = SampleName(member.name) { return (member, name) }
            skipped = (skipped.count + 1, skipped.first ?? member.name)
        }
        return nil
    }

    private func take(_ member: TarMember, _ field: String, _ builder: inout SampleBuilder) throws {
        guard builder.admit(field, member, limits) else { return }
        let use = use(field)
        var bytes: [UInt8]?
        switch use {
        case .drop: return
        case .locate where member.offset != nil: break
        case .readUpTo(let size) where member.size > size: break
        case .locate, .read, .readUpTo:
            guard builder.reserve(member, limits) else { return }
            bytes = try tar.readContent(maximumSize: limits.size)
        }
        builder.fields.append(
            Sample.Field(
                name: field, memberName: member.name, size: member.size, offset: member.offset, bytes: bytes))
    }
}

/// The sample that is being read.
private struct SampleBuilder {
    let key: String
    let place: String
    var fields: [Sample.Field] = []
    private(set) var fault: ArchiveError?
    private var names: Set<ExactText> = []
    private var size = 0

    init(key: String, place: String) {
        self.key = key
        self.place = place
    }

    /// Notes a field; false where the sample is bad.
    mutating func admit(_ field: String, _ member: TarMember, _ limits: SampleReader.Limits) -> Bool {
        guard fault == nil else { return false }
        guard names.insert(ExactText(field)).inserted else {
            fail(.duplicate, "the field \"\(field)\" stands twice, again as member \(member.name)")
            return false
        }
        guard names.count <= limits.fields else {
            fail(.tooLarge, "the sample has more than \(limits.fields) members")
            return false
        }
        return true
    }

    /// Counts the bytes of a member that is to be read; false where there would be too many.
    mutating func reserve(_ member: TarMember, _ limits: SampleReader.Limits) -> Bool {
        guard member.size <= limits.size - size else {
            fail(.tooLarge, "the sample has more than \(limits.size) bytes, with member \(member.name)")
            return false
        }
        size += member.size
        return true
    }

    private mutating func fail(_ code: ArchiveError.Code, _ reason: String) {
        fault = ArchiveError(code, at: place, reason)
        fields = []
    }
}
