import Base

/// Reads the members of a tar archive, one after the other, in constant memory: USTAR, PAX, GNU and V7. An archive that
/// is compressed with gzip or zstd is recognized by its first bytes.
///
/// The blocks of zeros at the end may be missing. An archive that ends inside a member is an error.
package final class TarReader {
    /// Size of the largest header of names and records, in bytes.
    private static let maximumHeaderSize = 1 << 20
    /// Size of the longest name, in bytes.
    private static let maximumNameSize = 1 << 16
    private static let blockSize = 512

    private let source: BufferedSource
    private let name: String
    /// Where the archive begins in a regular file or a resource that is not compressed, in bytes; nil where there is no
    /// place to read from.
    private let start: Int?
    /// How the archive is compressed.
    package let compression: StreamCompression
    /// Records that hold for all members.
    private var global = TarRecords()
    /// The bytes of the current member's content and padding that are left.
    private var contentLeft = 0
    private var paddingLeft = 0
    private var current: TarMember?
    private var hasEnded = false
    /// Whether other bytes than zeros follow the end of the archive, as where two archives were joined. They are not
    /// read.
    package private(set) var dataFollowsEnd = false

    /// - Parameters:
    ///   - name: names the archive in errors.
    ///   - origin: the place of the source's first byte, for a source that is no file of this machine but of which parts can
    ///     be read later, as of a resource of a server; nil for others.
    /// - Throws: the error of the source.
    package init(_ source: any ByteSource, name: String, origin: Int? = nil) throws {
        let file = (source as? FileSource).flatMap { $0.isSeekable ? $0 : nil }
        let position = file?.position ?? origin
        // Where bytes can be passed over without reading them, a large buffer would read them after all.
        let buffered = BufferedSource(source, capacity: file == nil ? 1 << 16 : 1 << 12)
        self.name = name
        compression = try StreamCompression(of: buffered)
        start = compression == .none ? position : nil
        self.source =
            compression == .none
            ? buffered : BufferedSource(compression.content(of: BufferedSource(buffered, capacity: 1 << 16)))
        if try self.source.peek(1).isEmpty {
            throw ArchiveError(.truncated, at: name, "the archive is empty: not even its end is there")
        }
    }

    /// Returns the next member; nil at the end. What the member before has left is passed over.
    ///
    /// - Throws: ``ArchiveError``, behind which there are no members; the error of the source.
    package func next() throws -> TarMember? {
        try skipContent()
        current = nil
        guard !hasEnded else { return nil }
        // Until the member is complete: nothing follows an error.
        hasEnded = true
        guard let member = try nextMember() else { return nil }
        hasEnded = false
        current = member
        contentLeft = member.size
        paddingLeft = Self.padding(of: member.size)
        return member
    }

    /// Reads bytes of the current member to the start of `buffer` and returns their number: 0 at the end of the member.
    ///
    /// - Throws: ``ArchiveError`` where the archive ends inside the member; the error of the source.
    package func read(into buffer: UnsafeMutableRawBufferPointer) throws -> Int {
        let wanted = min(buffer.count, contentLeft)
        guard wanted > 0 else { return 0 }
        let count = try source.read(into: UnsafeMutableRawBufferPointer(rebasing: buffer.prefix(wanted)))
        guard count > 0 else { throw cut() }
        contentLeft -= count
        return count
    }

    /// Returns what is left of the current member.
    ///
    /// - Parameter maximumSize: in bytes; a larger member is refused before anything is allocated for it, and passed
    ///   over.
    /// - Throws: ``ArchiveError`` with the codes `too_large`, `truncated`; the error of the source.
    package func readContent(maximumSize: Int) throws -> [UInt8] {
        guard contentLeft <= maximumSize else {
            throw ArchiveError(
                .tooLarge, at: place, "the member has \(contentLeft) bytes; at most \(maximumSize) are read")
        }
        var bytes: [UInt8] = []
        // A header may announce more than there is: memory follows what was read.
        while contentLeft > 0 {
            let step = min(contentLeft, max(1 << 20, bytes.count))
            let chunk = try [UInt8](unsafeUninitializedCapacity: step) { buffer, count in
                let buffer = UnsafeMutableRawBufferPointer(buffer)
                // A pipe gives little at a time.
                while count < step {
                    count += try read(into: UnsafeMutableRawBufferPointer(rebasing: buffer[count...]))
                }
            }
            if bytes.isEmpty { bytes = chunk } else { bytes += chunk }
        }
        return bytes
    }

    private var place: String { current.map { "\(name), member \($0.name)" } ?? name }

    private func cut() -> ArchiveError {
        contentLeft = 0
        paddingLeft = 0
        hasEnded = true
        return ArchiveError(.truncated, at: place, "the archive is cut: it ends inside this member")
    }

    private static func padding(of size: Int) -> Int { (blockSize - size % blockSize) % blockSize }

    private func skipContent() throws {
        guard contentLeft > 0 || paddingLeft > 0 else { return }
        let left = contentLeft + paddingLeft
        guard try source.skip(left) == left else { throw cut() }
        (contentLeft, paddingLeft) = (0, 0)
    }

    private func nextMember() throws -> TarMember? {
        var records = TarRecords()
        var (longName, longLink): ([UInt8]?, [UInt8]?)
        var isBegun = false
        while true {
            guard let header = try nextHeader() else {
                guard !isBegun else {
                    throw ArchiveError(
                        .truncated, at: name, "the archive is cut: it ends before a member that has begun")
                }
                return nil
            }
            isBegun = true
            switch header.type {
            case UInt8(ascii: "x"), UInt8(ascii: "X"): try add(try readHeader(header), to: &records)
            case UInt8(ascii: "g"):
                try add(try readHeader(header), to: &global)
                isBegun = false
            case UInt8(ascii: "L"): longName = Array(try readHeader(header).prefix { $0 != 0 })
            case UInt8(ascii: "K"): longLink = Array(try readHeader(header).prefix { $0 != 0 })
            default:
                let merged = records.over(global)
                return try member(
                    header, name: merged.path ?? longName ?? header.name,
                    linkName: merged.linkPath ?? longLink ?? header.linkName, records: merged)
            }
        }
    }

    /// Returns the next header; nil at the end of the archive.
    private func nextHeader() throws -> TarHeader? {
        let block = try source.peek(TarHeader.size)
        if block.isEmpty { return nil }
        guard block.count >= TarHeader.size else {
            guard source.offset > 0 else {
                throw ArchiveError(
                    .truncated, at: name,
                    "this is no tar archive, or it is cut: it has only \(block.count.counted("byte"))")
            }
            throw ArchiveError(.truncated, at: name, "the archive is cut: it ends inside a header")
        }
        let bytes = UnsafeRawBufferPointer(rebasing: block[..<TarHeader.size])
        if bytes.allSatisfy({ $0 == 0 }) {
            try readEnd()
            return nil
        }
        defer { source.take(TarHeader.size) }
        do throws(TarHeader.Fault) {
            return try TarHeader(bytes)
        } catch .checksum where source.offset == 0 {
            throw ArchiveError(.malformed, at: name, "this is no tar archive")
        } catch .checksum {
            throw ArchiveError(
                .malformed, at: name, "the header at byte \(source.offset) is damaged: its checksum is wrong")
        } catch .number(let field) {
            throw ArchiveError(
                .malformed, at: name, "the header at byte \(source.offset) is damaged: its \(field) is no number")
        }
    }

    /// Reads what follows the first block of zeros. A pipe is read to its end, so that its writer does not die.
    private func readEnd() throws {
        while true {
            let bytes = try source.peek(1)
            if bytes.isEmpty { return }
            if bytes.contains(where: { $0 != 0 }) {
                dataFollowsEnd = true
                return
            }
            source.take(bytes.count)
        }
    }

    /// Reads the content of a header of names or records.
    private func readHeader(_ header: TarHeader) throws -> [UInt8] {
        guard header.size <= Self.maximumHeaderSize else {
            throw ArchiveError(
                .malformed, at: name,
                "the header at byte \(source.offset) has \(header.size) bytes; "
                    + "at most \(Self.maximumHeaderSize) are read"
            )
        }
        contentLeft = header.size
        paddingLeft = Self.padding(of: header.size)
        let bytes = try readContent(maximumSize: Self.maximumHeaderSize)
        guard try source.skip(paddingLeft) == paddingLeft else { throw cut() }
        paddingLeft = 0
        return bytes
    }

    private func add(_ bytes: [UInt8], to records: inout TarRecords) throws {
        do throws(TarRecords.Fault) {
            try records.add(bytes)
        } catch .malformed(let reason) {
            throw ArchiveError(.malformed, at: name, "a PAX header before byte \(source.offset) is damaged: \(reason)")
        } catch .sparse {
            throw ArchiveError(.unsupported, at: name, "sparse members are not read")
        }
    }

    private func member(
        _ header: TarHeader, name bytes: [UInt8], linkName: [UInt8], records: TarRecords
    ) throws -> TarMember {
        guard bytes.count <= Self.maximumNameSize, linkName.count <= Self.maximumNameSize else {
            throw ArchiveError(
                .malformed, at: name,
                "the name before byte \(source.offset) has more than \(Self.maximumNameSize) bytes")
        }
        let memberName = SystemText.text(bytes)
        if header.type == UInt8(ascii: "S") || (try? records.checkIsWhole()) == nil {
            throw ArchiveError(
                .unsupported, at: "\(name), member \(memberName)",
                "sparse members are not read; write the archive without --sparse")
        }
        if header.type == UInt8(ascii: "M") {
            throw ArchiveError(
                .unsupported, at: "\(name), member \(memberName)", "the member begins in another volume of the archive")
        }
        let kind = Self.kind(header.type)
        let hasContent =
            switch kind {
            case .file, .other: true
            default: false
            }
        let size = records.size ?? header.size
        guard size <= Int.max - source.offset - Self.blockSize else {
            throw ArchiveError(.malformed, at: "\(name), member \(memberName)", "the member would have \(size) bytes")
        }
        return TarMember(
            name: memberName, kind: kind, linkName: kind == .file ? "" : SystemText.text(linkName),
            // What a header says of the size of a link or directory means nothing.
            size: hasContent ? size : 0, offset: start.map { $0 + source.offset })
    }

    private static func kind(_ type: UInt8) -> TarMember.Kind {
        switch type {
        case UInt8(ascii: "0"), UInt8(ascii: "7"): .file
        case UInt8(ascii: "1"): .hardLink
        case UInt8(ascii: "2"): .symbolicLink
        case UInt8(ascii: "3"): .characterDevice
        case UInt8(ascii: "4"): .blockDevice
        case UInt8(ascii: "5"): .directory
        case UInt8(ascii: "6"): .pipe
        default: .other(type)
        }
    }
}
