/// An element of a small XML document as object stores send them: its name without prefix, its text, its children.
/// Attributes, comments and instructions are skipped. Documents with a DOCTYPE, which could name files or grow without
/// bound, are refused.
package struct XMLElement: Equatable {
    package let name: String
    package fileprivate(set) var text = ""
    package fileprivate(set) var children: [XMLElement] = []

    /// The most elements of a document. A page of a listing has about 8000.
    private static let maximumElements = 200_000
    private static let maximumDepth = 16

    /// - Returns: nil where the bytes are no such document.
    package init?(parsing bytes: some Collection<UInt8>) {
        var reader = XMLReader(bytes: Array(bytes))
        var open: [XMLElement] = []
        var elements = 0
        while let token = reader.next() {
            switch token {
            case .open(let name):
                elements += 1
                guard elements <= Self.maximumElements, open.count < Self.maximumDepth else { return nil }
                open.append(XMLElement(name: name))
            case .text(let text):
                if open.isEmpty {
                    guard text.allSatisfy(\.isWhitespace) else { return nil }
                } else {
                    open[open.count - 1].text += text
                }
            case .close(let name):
                guard let element = open.popLast(), name == nil || name == element.name else { return nil }
                guard open.isEmpty else {
                    open[open.count - 1].children.append(element)
                    continue
                }
                guard reader.onlySpaceFollows() else { return nil }
                self = element
                return
            }
        }
        return nil
    }

    private init(name: String) { self.name = name }

    /// The first child of this name.
    package subscript(name: String) -> XMLElement? { children.first { $0.name == name } }
}

/// Cuts a document into tags and text, in one pass.
private struct XMLReader {
    enum Token {
        case open(String)
        /// Without a name for an element that has no content.
        case close(String?)
        case text(String)
    }

    private let bytes: [UInt8]
    private var position = 0
    /// Whether the element that was opened last is closed by the same tag.
    private var closesItself = false

    init(bytes: [UInt8]) { self.bytes = bytes }

    /// Returns the next token; nil at the end, or where the document is broken.
    mutating func next() -> Token? {
        if closesItself {
            closesItself = false
            return .close(nil)
        }
        while position < bytes.count {
            if bytes[position] != UInt8(ascii: "<") { return textToken() }
            if skips("<!--", to: "-->") || skips("<?", to: "?>") { continue }
            if follows("<![CDATA[") {
                position += 9
                guard let end = find("]]>") else { return nil }
                defer { position = end + 3 }
                return String(validating: bytes[position..<end], as: UTF8.self).map { .text($0) }
            }
            return follows("<!") ? nil : tag()
        }
        return nil
    }

    /// Whether there is nothing more but white space and comments.
    mutating func onlySpaceFollows() -> Bool {
        while let token = closesItself ? .close(nil) : next() {
            guard case .text(let text) = token, text.allSatisfy(\.isWhitespace) else { return false }
        }
        return position == bytes.count
    }

    private mutating func tag() -> Token? {
        guard let end = find(">") else { return nil }
        var inside = bytes[(position + 1)..<end]
        position = end + 1
        let closes = inside.first == UInt8(ascii: "/")
        if closes { inside.removeFirst() }
        if !closes, inside.last == UInt8(ascii: "/") {
            inside.removeLast()
            closesItself = true
        }
        let qualified = inside.prefix { !isSpace($0) }
        let local = qualified.lastIndex(of: UInt8(ascii: ":")).map { qualified[($0 + 1)...] } ?? qualified
        guard !local.isEmpty, let name = String(validating: local, as: UTF8.self) else { return nil }
        return closes ? .close(name) : .open(name)
    }

    private mutating func textToken() -> Token? {
        let end = bytes[position...].firstIndex(of: UInt8(ascii: "<")) ?? bytes.count
        var raw = bytes[position..<end]
        position = end
        var result: [UInt8] = []
        while let byte = raw.popFirst() {
            guard byte == UInt8(ascii: "&") else {
                result.append(byte)
                continue
            }
            guard let end = raw.prefix(12).firstIndex(of: UInt8(ascii: ";")),
                let character = Self.character(String(decoding: raw[..<end], as: UTF8.self))
            else { return nil }
            result += Array(String(character).utf8)
            raw = raw[(end + 1)...]
        }
        return String(validating: result, as: UTF8.self).map { .text($0) }
    }

    /// Returns the character of a reference, without its `&` and `;`.
    private static func character(_ reference: String) -> Unicode.Scalar? {
        switch reference {
        case "lt": "<"
        case "gt": ">"
        case "amp": "&"
        case "quot": "\""
        case "apos": "'"
        default:
            if reference.hasPrefix("#x") {
                UInt32(reference.dropFirst(2), radix: 16).flatMap(Unicode.Scalar.init)
            } else if reference.hasPrefix("#") {
                UInt32(reference.dropFirst()).flatMap(Unicode.Scalar.init)
            } else {
                nil
            }
        }
    }

    private mutating func skips(_ start: StaticString, to end: StaticString) -> Bool {
        guard follows(start) else { return false }
        position = find(end).map { $0 + end.utf8CodeUnitCount } ?? bytes.count
        return true
    }

    private func follows(_ text: StaticString) -> Bool { matches(text, at: position) }

    private func find(_ text: StaticString) -> Int? {
        (position..<bytes.count).first { matches(text, at: $0) }
    }

    private func matches(_ text: StaticString, at place: Int) -> Bool {
        guard bytes.count - place >= text.utf8CodeUnitCount else { return false }
        return text.withUTF8Buffer { expected in
            expected.indices.allSatisfy { bytes[place + $0] == expected[$0] }
        }
    }

    private func isSpace(_ byte: UInt8) -> Bool { byte == 0x20 || (0x09...0x0D).contains(byte) }
}
