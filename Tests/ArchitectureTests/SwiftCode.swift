/// The little that the tests of the architecture understand of Swift's syntax.
enum SwiftCode {
    /// Returns the text without comments and without what stands in strings; code in string interpolations stays.
    static func stripped(_ text: String) -> String {
        var scanner = Scanner(text)
        scanner.scanCode(untilParenthesis: false)
        return String(decoding: scanner.output, as: UTF8.self)
    }

    /// Returns the words of a piece of code, each with the line (from 1) and the byte before it.
    static func words(in code: String) -> [Word] {
        var words: [Word] = []
        var (line, word, before) = (1, [UInt8](), UInt8(ascii: "\n"))
        var last = before
        for byte in Array(code.utf8) + [UInt8(ascii: "\n")] {
            if isWordByte(byte) {
                if word.isEmpty { before = last }
                word.append(byte)
            } else {
                if !word.isEmpty {
                    words.append(Word(text: String(decoding: word, as: UTF8.self), line: line, before: before))
                }
                word = []
                if byte == UInt8(ascii: "\n") { line += 1 }
            }
            last = byte
        }
        return words
    }

    struct Word {
        let text: String
        let line: Int
        /// The byte directly before the word.
        let before: UInt8
    }

    fileprivate static func isWordByte(_ byte: UInt8) -> Bool {
        switch byte {
        case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"), 0x80...0xFF:
            true
        default: false
        }
    }
}

/// Goes through a text once and keeps its code.
private struct Scanner {
    private let bytes: [UInt8]
    private var position = 0
    private(set) var output: [UInt8] = []

    init(_ text: String) { bytes = Array(text.utf8) }

    /// Copies code up to the end of the text, or up to the parenthesis that closes an interpolation.
    mutating func scanCode(untilParenthesis: Bool) {
        var depth = 0
        while let byte = byte(0) {
            if follows("//") {
                while let byte = self.byte(0), byte != UInt8(ascii: "\n") { position += 1 }
            } else if follows("/*") {
                skipComment()
            } else if let string = openingOfString() {
                scanString(string)
            } else {
                if byte == UInt8(ascii: "(") { depth += 1 }
                if byte == UInt8(ascii: ")") {
                    if untilParenthesis, depth == 0 {
                        position += 1
                        return
                    }
                    depth -= 1
                }
                output.append(byte)
                position += 1
            }
        }
    }

    private struct Literal {
        let pounds: Int
        let isMultiline: Bool
    }

    private func byte(_ offset: Int) -> UInt8? {
        position + offset < bytes.count ? bytes[position + offset] : nil
    }

    private func follows(_ text: String, at offset: Int = 0) -> Bool {
        var index = position + offset
        for byte in text.utf8 {
            guard index < bytes.count, bytes[index] == byte else { return false }
            index += 1
        }
        return true
    }

    /// Comments may be nested; line feeds stay, so that lines keep their numbers.
    private mutating func skipComment() {
        var depth = 0
        repeat {
            if follows("/*") {
                depth += 1
                position += 2
            } else if follows("*/") {
                depth -= 1
                position += 2
            } else {
                if byte(0) == UInt8(ascii: "\n") { output.append(UInt8(ascii: "\n")) }
                position += 1
            }
        } while depth > 0 && position < bytes.count
    }

    private func openingOfString() -> Literal? {
        var pounds = 0
        while byte(pounds) == UInt8(ascii: "#") { pounds += 1 }
        guard byte(pounds) == UInt8(ascii: "\"") else { return nil }
        return Literal(pounds: pounds, isMultiline: follows("\"\"\"", at: pounds))
    }

    private mutating func scanString(_ literal: Literal) {
        let pounds = String(repeating: "#", count: literal.pounds)
        let quotes = literal.isMultiline ? "\"\"\"" : "\""
        let (end, interpolation, escape) = (quotes + pounds, "\\" + pounds + "(", "\\" + pounds)
        position += literal.pounds + quotes.utf8.count
        output.append(contentsOf: "\"".utf8)
        while let byte = byte(0) {
            if follows(end) {
                position += quotes.utf8.count + literal.pounds
                output.append(contentsOf: "\"".utf8)
                return
            } else if follows(interpolation) {
                position += 2 + literal.pounds
                output.append(UInt8(ascii: "("))
                scanCode(untilParenthesis: true)
                output.append(UInt8(ascii: ")"))
            } else if follows(escape) {
                position += 2 + literal.pounds
            } else {
                if byte == UInt8(ascii: "\n") { output.append(byte) }
                position += 1
            }
        }
    }
}
