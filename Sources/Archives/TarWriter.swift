import Base

/// Writes a tar archive: USTAR, with PAX headers for names that do not fit or are not ASCII and for sizes of 8 GiB and
/// more. Times, owners and permissions are the same for all members, so that equal content gives equal archives.
///
/// Whoever writes an archive that must be whole or absent gives the descriptor of a temporary one, and renames it after
/// ``finish()``.
package final class TarWriter {
    private static let blockSize = 512
    /// Size that a header can say in eleven octal digits, in bytes.
    private static let maximumOctal = 0o77777777777

    private let descriptor: Int32
    private let name: String
    private var buffer: [UInt8] = []
    /// The bytes of the open member's content that are to come.
    private var contentLeft = 0
    private var contentSize = 0

    /// The number of bytes so far.
    package private(set) var size = 0

    /// - Parameters:
    ///   - descriptor: of an empty file, or of a pipe; not closed here.
    ///   - name: names the archive in errors.
    package init(descriptor: Int32, name: String) {
        self.descriptor = descriptor
        self.name = name
    }

    /// Appends a file that is in memory.
    ///
    /// - Throws: ``ArchiveError`` with the code `unwritable`, or `malformed` for a name that no archive can hold.
    package func append(_ memberName: String, _ bytes: [UInt8]) throws(ArchiveError) {
        try begin(memberName, size: bytes.count)
        try bytes.span.bytes.withUnsafeBytes { bytes throws(ArchiveError) in try write(bytes) }
    }

    /// Begins a file of known size, whose bytes ``write(_:)`` brings.
    ///
    /// - Throws: ``ArchiveError`` with the code `unwritable`, or `malformed` for a name that no archive can hold.
    package func begin(_ memberName: String, size: Int) throws(ArchiveError) {
        precondition(contentLeft == 0 && size >= 0, "a member begins before the last one has all its bytes")
        let bytes = SystemText.bytes(of: memberName)
        guard !bytes.isEmpty, !bytes.contains(0), bytes.count <= 1 << 16 else {
            throw ArchiveError(
                .malformed, at: name, "a member cannot have a name that is empty, holds a zero byte or is very long")
        }
        let split = Self.split(bytes)
        var records: [UInt8] = []
        if split == nil { records += Self.record("path", bytes) }
        if size > Self.maximumOctal { records += Self.record("size", Array(String(size).utf8)) }
        if !records.isEmpty {
            let header = Self.header(
                name: Array("PaxHeaders/member".utf8), prefix: [], size: records.count, type: UInt8(ascii: "x"))
            try put(header + records + [UInt8](repeating: 0, count: Self.padding(of: records.count)))
        }
        // A reader that knows no PAX headers gets the name's beginning.
        let (prefix, field) = split ?? ([], Array(bytes.map { $0 < 0x80 ? $0 : UInt8(ascii: "_") }.prefix(100)))
        let shown = size > Self.maximumOctal ? 0 : size
        try put(Self.header(name: field, prefix: prefix, size: shown, type: UInt8(ascii: "0")))
        contentLeft = size
        contentSize = size
    }

    /// Writes bytes of the file that was begun.
    ///
    /// - Throws: ``ArchiveError`` with the code `unwritable`.
    package func write(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        precondition(bytes.count <= contentLeft, "a member has more bytes than were announced")
        contentLeft -= bytes.count
        if bytes.count >= 1 << 16 {
            try flush()
            try writeOut(bytes)
            size += bytes.count
        } else {
            try put(Array(bytes))
        }
        if contentLeft == 0 {
            try put([UInt8](repeating: 0, count: Self.padding(of: contentSize)))
            contentSize = 0
        }
    }

    /// Writes what is left and the two blocks of zeros that end the archive.
    ///
    /// - Throws: ``ArchiveError`` with the code `unwritable`.
    package func finish() throws(ArchiveError) {
        precondition(contentLeft == 0, "the archive ends before its last member has all its bytes")
        try put([UInt8](repeating: 0, count: 2 * Self.blockSize))
        try flush()
    }

    private func put(_ bytes: [UInt8]) throws(ArchiveError) {
        buffer += bytes
        size += bytes.count
        if buffer.count >= 1 << 18 { try flush() }
    }

    /// Hands everything so far to the system.
    ///
    /// - Throws: ``ArchiveError`` with the code `unwritable`.
    package func flush() throws(ArchiveError) {
        let bytes = buffer
        buffer = []
        try bytes.span.bytes.withUnsafeBytes { bytes throws(ArchiveError) in try writeOut(bytes) }
    }

    private func writeOut(_ bytes: UnsafeRawBufferPointer) throws(ArchiveError) {
        do throws(SystemError) {
            try writeAll(bytes, to: descriptor)
        } catch {
            throw ArchiveError(
                .unwritable, at: name,
                "the archive cannot be written: \(error.isDiskFull ? "no space left" : "\(error)")")
        }
    }

    private static func padding(of size: Int) -> Int { (blockSize - size % blockSize) % blockSize }

    /// Splits a name into the two fields of a header at a slash: 155 bytes and 100. Nil where it does not fit, or is
    /// not ASCII, so that no reader has to guess its encoding.
    private static func split(_ name: [UInt8]) -> (prefix: [UInt8], field: [UInt8])? {
        guard name.allSatisfy({ $0 < 0x80 }) else { return nil }
        if name.count <= 100 { return ([], name) }
        guard name.count <= 256 else { return nil }
        for place in name.indices where name[place] == UInt8(ascii: "/") && place > 0 && place <= 155 {
            let field = name[(place + 1)...]
            if !field.isEmpty, field.count <= 100 { return (Array(name[..<place]), Array(field)) }
        }
        return nil
    }

    /// Returns a record of a PAX header: its length, which counts itself, key and value.
    private static func record(_ key: String, _ value: [UInt8]) -> [UInt8] {
        let rest = key.utf8.count + value.count + 3
        var length = rest + 1
        while String(length).utf8.count + rest != length { length = String(length).utf8.count + rest }
        return Array("\(length) \(key)=".utf8) + value + [0x0A]
    }

    private static func header(name: [UInt8], prefix: [UInt8], size: Int, type: UInt8) -> [UInt8] {
        var header = [UInt8](repeating: 0, count: blockSize)
        func put(_ bytes: some Collection<UInt8>, at place: Int) {
            header.replaceSubrange(place..<place + bytes.count, with: bytes)
        }
        func putOctal(_ number: Int, digits: Int, at place: Int) {
            let text = String(number, radix: 8)
            put((String(repeating: "0", count: digits - text.utf8.count) + text).utf8, at: place)
        }
        put(name, at: 0)
        putOctal(0o644, digits: 7, at: 100)
        putOctal(0, digits: 7, at: 108)
        putOctal(0, digits: 7, at: 116)
        putOctal(size, digits: 11, at: 124)
        putOctal(0, digits: 11, at: 136)
        put("        ".utf8, at: 148)
        header[156] = type
        put("ustar\u{0}00".utf8, at: 257)
        putOctal(0, digits: 7, at: 329)
        putOctal(0, digits: 7, at: 337)
        put(prefix, at: 345)
        putOctal(header.reduce(0) { $0 + Int($1) }, digits: 6, at: 148)
        header[154] = 0
        return header
    }
}
