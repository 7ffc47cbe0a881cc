import Base

/// A model by its name on a hub: `org/name`, or `org/name@revision`.
package struct ModelReference: Sendable, Equatable, CustomStringConvertible {
    package static let mainRevision = "main"

    /// `org/name`.
    package let name: String
    /// A branch, a tag or a commit, like `main`, `v1.0`, `refs/pr/1`.
    package let revision: String

    /// - Throws: ``HubError`` with the code `bad_name`.
    package init(_ text: String) throws(HubError) {
        func fault(_ reason: String) -> HubError { HubError(.badName, at: text, reason) }
        let sides = text.split(separator: "@", maxSplits: 1, omittingEmptySubsequences: false).map(String.init)
        let parts = sides[0].split(separator: "/", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy(Self.isName), sides[0].utf8.count <= 96, !sides[0].contains("--"),
            !sides[0].contains(".."), !sides[0].hasSuffix(".git")
        else { throw fault("is no model's name on a hub; org/name or org/name@revision is expected") }
        name = sides[0]
        revision = sides.count > 1 ? sides[1] : Self.mainRevision
        guard Self.isRevision(revision) else {
            throw fault("the revision behind @ is none; give a branch, a tag, a commit or refs/pr/NUMBER")
        }
    }

    package var description: String { revision == Self.mainRevision ? name : "\(name)@\(revision)" }

    /// Whether the revision can only be a commit.
    var isCommit: Bool { Self.isCommit(revision) }

    /// The command that brings this model into the cache.
    package var pullCommand: String { "paligemma pull \(self)" }

    /// Returns whether a text is a commit's full hash. It becomes a folder's name.
    static func isCommit(_ text: String) -> Bool {
        [40, 64].contains(text.utf8.count) && text.utf8.allSatisfy(isHexadecimal)
    }

    static func isHexadecimal(_ byte: UInt8) -> Bool {
        (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte) || (UInt8(ascii: "a")...UInt8(ascii: "f")).contains(byte)
    }

    private static func isName(_ part: Substring) -> Bool {
        let edges: [Character?] = [part.first, part.last]
        return !part.isEmpty && !edges.contains("-") && !edges.contains(".")
            && part.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"):
                    true
                default: "-._".utf8.contains(byte)
                }
            }
    }

    /// A revision becomes a path in the cache.
    private static func isRevision(_ text: String) -> Bool {
        let isPlain = text.utf8.allSatisfy { $0 > 0x20 && $0 != 0x7F && !"\\~^:?*[".utf8.contains($0) }
        return isPlain && text.utf8.count <= 255 && RepositoryPath.isSafe(text)
    }
}
