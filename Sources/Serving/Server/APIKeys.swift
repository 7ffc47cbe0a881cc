import Base
import Fetch
import Foundation

/// The keys of the people who may use a service, by their SHA-256: a file of lines `name sha256hex [use|admin]`. It holds no key.
package struct APIKeys: Sendable {
    package enum Role: String, Sendable {
        /// To ask, and to see what is asked.
        case use
        /// To cancel and retry what others asked, too.
        case admin
    }

    package struct Holder: Sendable, Equatable {
        package var name: String
        package var role: Role
    }

    /// A line that is none.
    package struct LineError: Error, CustomStringConvertible, Equatable {
        package let line: Int
        package let reason: String
        package var description: String {
            "line \(line): \(reason); write \"name sha256hex\" or \"name sha256hex admin\""
        }
    }

    private struct Entry: Sendable {
        let holder: Holder
        let digest: [UInt8]
    }

    private let entries: [Entry]
    private static let digestBytes = 32

    /// Reads the lines of a file. Empty ones and those that begin with # are passed over.
    ///
    /// - Throws: ``LineError``.
    package init(_ text: String) throws(LineError) {
        var entries: [Entry] = []
        for (index, line) in text.split(omittingEmptySubsequences: false, whereSeparator: \.isNewline).enumerated() {
            let words = line.split(whereSeparator: { $0 == " " || $0 == "\t" || $0 == "\r" }).map(String.init)
            guard let first = words.first, !first.hasPrefix("#") else { continue }
            func fault(_ reason: String) -> LineError { LineError(line: index + 1, reason: reason) }
            guard (2...3).contains(words.count) else { throw fault("it has \(words.count) words") }
            guard let digest = Self.bytes(ofHexadecimal: words[1]), digest.count == Self.digestBytes else {
                throw fault("its second word is not a SHA-256 in hexadecimal")
            }
            guard let role = Role(rawValue: words.count == 3 ? words[2] : Role.use.rawValue) else {
                throw fault("its third word is neither use nor admin")
            }
            entries.append(Entry(holder: Holder(name: first, role: role), digest: digest))
        }
        self.entries = entries
    }

    package var isEmpty: Bool { entries.isEmpty }

    /// Returns who has a key; nil for a key that nobody has. All lines are compared, and every byte of each, so that the time
    /// tells nothing.
    package func holder(of key: String) -> Holder? {
        let digest = Digest.sha256(Array(key.utf8))
        var found: Holder?
        for entry in entries {
            let difference = zip(digest, entry.digest).reduce(UInt8(0)) { $0 | ($1.0 ^ $1.1) }
            if difference == 0 { found = entry.holder }
        }
        return found
    }

    /// Returns a new key, and the line that admits it.
    package static func make(name: String, role: Role = .use) -> (key: String, line: String) {
        var generator = SystemRandomNumberGenerator()
        let secret = (0..<4).map { _ in String(format: "%016lx", generator.next() as UInt64) }.joined()
        let key = "pg-" + secret
        let digest = Digest.hexadecimal(Digest.sha256(Array(key.utf8)))
        return (key, "\(name) \(digest) \(role.rawValue)")
    }

    private static func bytes(ofHexadecimal text: String) -> [UInt8]? {
        let digits = Array(text.utf8)
        guard digits.count.isMultiple(of: 2) else { return nil }
        var bytes: [UInt8] = []
        for index in stride(from: 0, to: digits.count, by: 2) {
            guard let byte = UInt8(String(decoding: digits[index...index + 1], as: UTF8.self), radix: 16) else {
                return nil
            }
            bytes.append(byte)
        }
        return bytes
    }
}
