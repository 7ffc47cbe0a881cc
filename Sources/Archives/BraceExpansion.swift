/// The texts that a pattern with braces stands for, as webdataset writes lists of shards: `shard-{00000..00123}.tar`,
/// `{train,test}-{0..9}.tar`, nested too. A backslash takes the meaning from the character behind it.
///
/// No text is made before it is asked for.
package struct BraceExpansion: RandomAccessCollection, Sendable {
    /// The most texts that a pattern may stand for.
    package static let maximumCount = 10_000_000
    private static let maximumLength = 1 << 16
    private static let maximumDepth = 32

    /// A part of a pattern.
    private indirect enum Part: Sendable {
        case literal([UInt8])
        /// One part after the other; the last changes fastest.
        case product([Part], count: Int)
        case alternatives([Part], count: Int)
        case numbers(first: Int, step: Int, count: Int, width: Int)
        case letters([UInt8])

        var count: Int {
            switch self {
            case .literal: 1
            case .product(_, let count), .alternatives(_, let count), .numbers(_, _, let count, _): count
            case .letters(let letters): letters.count
            }
        }
    }

    private let whole: Part

    /// Reads a pattern.
    ///
    /// - Throws: ``ArchiveError`` where braces are not balanced, a number has too many digits, or there are too many
    ///   texts.
    package init(_ pattern: String) throws(ArchiveError) {
        let bytes = Array(pattern.utf8)
        guard bytes.count <= Self.maximumLength else {
            throw ArchiveError(.tooLarge, at: "pattern", "it has more than \(Self.maximumLength) bytes")
        }
        do throws(Fault) {
            whole = try Self.pattern(bytes[...], depth: 0)
        } catch {
            switch error {
            case .unbalanced: throw ArchiveError(.malformed, at: pattern, "the braces of the pattern are not balanced")
            case .number: throw ArchiveError(.malformed, at: pattern, "a number of the pattern has too many digits")
            case .depth: throw ArchiveError(.tooLarge, at: pattern, "the braces of the pattern are nested too deep")
            }
        }
        guard whole.count <= Self.maximumCount else {
            throw ArchiveError(
                .tooLarge, at: pattern, "the pattern stands for more than \(Self.maximumCount) names; split it")
        }
    }

    package var startIndex: Int { 0 }
    package var endIndex: Int { whole.count }

    package subscript(index: Int) -> String {
        precondition(index >= 0 && index < whole.count, "a text that the pattern does not have")
        var text: [UInt8] = []
        Self.append(whole, index, to: &text)
        return String(decoding: text, as: UTF8.self)
    }

    private static func append(_ part: Part, _ index: Int, to text: inout [UInt8]) {
        switch part {
        case .literal(let bytes): text += bytes
        case .letters(let letters): text.append(letters[index])
        case .numbers(let first, let step, _, let width):
            let number = first + index * step
            let digits = String(number.magnitude)
            let sign = number < 0 ? 1 : 0
            text += Array(repeating: UInt8(ascii: "-"), count: sign)
            text += Array(repeating: UInt8(ascii: "0"), count: Swift.max(0, width - sign - digits.utf8.count))
            text += digits.utf8
        case .alternatives(let parts, _):
            var index = index
            for part in parts {
                if index < part.count { return append(part, index, to: &text) }
                index -= part.count
            }
        case .product(let parts, let count):
            var (index, span) = (index, count)
            for part in parts where part.count > 0 {
                span /= part.count
                append(part, index / span, to: &text)
                index %= span
            }
        }
    }
}

// MARK: - Reading patterns

extension BraceExpansion {
    private enum Fault: Error {
        case unbalanced, number, depth
    }

    private typealias Text = ArraySlice<UInt8>

    /// Reads parts that follow each other.
    private static func pattern(_ text: Text, depth: Int) throws(Fault) -> Part {
        guard depth <= maximumDepth else { throw .depth }
        var parts: [Part] = []
        var (start, position, open) = (text.startIndex, text.startIndex, 0)
        while position < text.endIndex {
            switch text[position] {
            case UInt8(ascii: "\\"): position += 1
            case UInt8(ascii: "{"):
                if open == 0 {
                    parts.append(.literal(unescaped(text[start..<position])))
                    start = position
                }
                open += 1
            case UInt8(ascii: "}"):
                open -= 1
                if open == 0 {
                    let inside = text[(start + 1)..<position]
                    if let part = try expression(inside, depth: depth) {
                        parts.append(part)
                    } else {
                        parts += [.literal([UInt8(ascii: "{")]), try pattern(inside, depth: depth + 1)]
                        parts.append(.literal([UInt8(ascii: "}")]))
                    }
                    start = position + 1
                }
            default: break
            }
            position += 1
        }
        guard open == 0 else { throw .unbalanced }
        parts.append(.literal(unescaped(text[start...])))
        return .product(parts, count: parts.reduce(1) { saturated($0.multipliedReportingOverflow(by: $1.count)) })
    }

    private static func saturated(_ result: (partialValue: Int, overflow: Bool)) -> Int {
        result.overflow ? Int.max : result.partialValue
    }

    private static func unescaped(_ text: Text) -> [UInt8] {
        var bytes: [UInt8] = []
        var position = text.startIndex
        while position < text.endIndex {
            if text[position] == UInt8(ascii: "\\"), position + 1 < text.endIndex { position += 1 }
            bytes.append(text[position])
            position += 1
        }
        return bytes
    }

    /// Reads what stands in braces; nil where it is neither a range nor alternatives.
    private static func expression(_ text: Text, depth: Int) throws(Fault) -> Part? {
        if let numbers = try numbers(text) { return numbers }
        if let letters = letters(text) { return letters }
        var parts: [Part] = []
        var (start, position, open) = (text.startIndex, text.startIndex, 0)
        while position < text.endIndex {
            switch text[position] {
            case UInt8(ascii: "\\"): position += 1
            case UInt8(ascii: "{"): open += 1
            case UInt8(ascii: "}"): open -= 1
            case UInt8(ascii: ",") where open == 0:
                parts.append(try pattern(text[start..<position], depth: depth + 1))
                start = position + 1
            default: break
            }
            position += 1
        }
        guard open == 0, !parts.isEmpty else { return nil }
        parts.append(try pattern(text[start...], depth: depth + 1))
        return .alternatives(parts, count: parts.reduce(0) { saturated($0.addingReportingOverflow($1.count)) })
    }

    /// The two or three texts between double dots.
    private static func bounds(_ text: Text) -> [String]? {
        let parts = String(decoding: text, as: UTF8.self).components(separatedByDots: ())
        return (2...3).contains(parts.count) ? parts : nil
    }

    private static func numbers(_ text: Text) throws(Fault) -> Part? {
        guard let bounds = bounds(text), bounds.allSatisfy(isInteger) else { return nil }
        guard let first = Int(bounds[0]), let last = Int(bounds[1]), abs(first.clampedMagnitude) <= 1 << 60,
            abs(last.clampedMagnitude) <= 1 << 60, let given = bounds.count == 3 ? Int(bounds[2]) : 1
        else { throw .number }
        let size = Swift.max(1, given.clampedMagnitude)
        let isPadded = bounds.prefix(2).contains { bound in
            let digits = bound.drop { $0 == "-" }
            return digits.count > 1 && digits.first == "0"
        }
        let width = isPadded ? Swift.max(bounds[0].utf8.count, bounds[1].utf8.count) : 0
        return .numbers(
            first: first, step: first < last ? size : -size, count: abs(last - first) / size + 1, width: width)
    }

    private static func isInteger(_ text: String) -> Bool {
        let digits = text.utf8.first == UInt8(ascii: "-") ? text.utf8.dropFirst() : text.utf8[...]
        return !digits.isEmpty && digits.allSatisfy { (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }
    }

    /// Letters go from A to Z and on from a to z.
    private static func letters(_ text: Text) -> Part? {
        let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz".utf8)
        guard let bounds = bounds(text), bounds[0].utf8.count == 1, bounds[1].utf8.count == 1,
            let first = bounds[0].utf8.first.flatMap({ alphabet.firstIndex(of: $0) }),
            let last = bounds[1].utf8.first.flatMap({ alphabet.firstIndex(of: $0) }),
            bounds.count == 2 || isInteger(bounds[2])
        else { return nil }
        // A step beyond the alphabet leaves the first letter.
        let size = bounds.count == 3 ? Swift.min(Swift.max(1, Int(bounds[2])?.clampedMagnitude ?? 52), 52) : 1
        return .letters(stride(from: first, through: last, by: first <= last ? size : -size).map { alphabet[$0] })
    }
}

extension Int {
    /// The number without its sign; one less for the lowest number.
    fileprivate var clampedMagnitude: Int { self == .min ? .max : abs(self) }
}

extension String {
    /// The parts between double dots.
    fileprivate func components(separatedByDots: Void) -> [String] {
        var parts = [[UInt8]()]
        var bytes = Array(utf8)[...]
        while let byte = bytes.popFirst() {
            if byte == UInt8(ascii: "."), bytes.first == byte {
                bytes.removeFirst()
                parts.append([])
            } else {
                parts[parts.count - 1].append(byte)
            }
        }
        return parts.map { String(decoding: $0, as: UTF8.self) }
    }
}
